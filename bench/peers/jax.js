// LeNet-5 in jax-js (backends `webgpu` and `wasm`), the whole training step in one `jit`.
//
// An operation consumes its arguments; `.ref` keeps one for later.

import {
  blockUntilReady, defaultDevice, init, jit, lax, nn, numpy as np, tree, valueAndGrad,
} from "./node_modules/@jax-js/jax/dist/index.js";

import { ADAM, BATCH, PARAMETERS, batch, publish, startingWeights } from "./common.js";

const maxPool = (x) => lax.reduceWindow(x, np.max, [2, 2], [2, 2]);

function convolution(x, weight, bias, padding) {
  const pads = [[padding, padding], [padding, padding]];
  return lax.convGeneralDilated(x, weight, [1, 1], pads).add(bias.reshape([-1, 1, 1]));
}

function linear(x, weight, bias) {
  return np.dot(x, np.transpose(weight)).add(bias);
}

/** Cross-entropy of one batch: x (N, 1, 28, 28), y (N, 10) one-hot. */
function loss(p, x, y) {
  x = maxPool(nn.relu(convolution(x, p["conv1.weight"], p["conv1.bias"], 2)));
  x = maxPool(nn.relu(convolution(x, p["conv2.weight"], p["conv2.bias"], 0)));
  x = x.reshape([BATCH, 400]);
  x = nn.relu(linear(x, p["fc1.weight"], p["fc1.bias"]));
  x = nn.relu(linear(x, p["fc2.weight"], p["fc2.bias"]));
  const logits = linear(x, p["fc3.weight"], p["fc3.bias"]);
  return nn.logSoftmax(logits).mul(y).sum().mul(-1 / BATCH);
}

/** One step of Adam; `scale1` and `scale2` are 1 / (1 - beta^t), which change every step. */
function trainingStep(p, m, v, scale1, scale2, x, y) {
  const [value, gradients] = valueAndGrad(loss)(tree.ref(p), x, y);
  const next = { p: {}, m: {}, v: {} };
  for (const name of Object.keys(p)) {
    const g = gradients[name];
    const mean = m[name].mul(ADAM.beta1).add(g.ref.mul(1 - ADAM.beta1));
    const square = v[name].mul(ADAM.beta2).add(g.ref.mul(g).mul(1 - ADAM.beta2));
    const root = np.sqrt(square.ref.mul(scale2.ref)).add(ADAM.epsilon);
    next.p[name] = p[name].sub(mean.ref.mul(scale1.ref).mul(ADAM.learningRate).div(root));
    next.m[name] = mean;
    next.v[name] = square;
  }
  scale1.dispose();
  scale2.dispose();
  return [next.p, next.m, next.v, value];
}

publish(async (backend) => {
  if (!(await init(backend)).includes(backend)) throw new Error(`no backend ${backend}`);
  defaultDevice(backend);

  const { images, labels } = batch();
  const x = np.array(images, { shape: [BATCH, 1, 28, 28] });
  const y = nn.oneHot(np.array(labels, { dtype: np.int32 }), 10);
  let p = {};
  let m = {};
  let v = {};
  for (const [name, values] of Object.entries(startingWeights())) {
    p[name] = np.array(values, { shape: PARAMETERS[name] });
    m[name] = np.zeros(PARAMETERS[name]);
    v[name] = np.zeros(PARAMETERS[name]);
  }

  const compiled = jit(trainingStep);
  let last = null;
  let time = 0;
  return {
    step() {
      time += 1;
      const scale1 = np.array(1 / (1 - ADAM.beta1 ** time));
      const scale2 = np.array(1 / (1 - ADAM.beta2 ** time));
      last?.dispose();
      [p, m, v, last] = compiled(p, m, v, scale1, scale2, x.ref, y.ref);
    },
    async finish() {
      await blockUntilReady(p);
      return last.ref.jsAsync();
    },
  };
});
