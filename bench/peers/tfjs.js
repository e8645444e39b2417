// LeNet-5, or an LSTM over the rows of a digit (`?network=lstm`), in TensorFlow.js (backends `webgpu`, `wasm` and
// `cpu`), written as its guides do.

import { ADAM, BATCH, batch, publish } from "./common.js";

const tf = globalThis.tf;

/** Layout NHWC, the only one its layers have; padding "same" is padding 2 for a 5x5 kernel. */
function lenet5() {
  const { conv2d, dense, flatten, maxPooling2d } = tf.layers;
  return tf.sequential({
    layers: [
      conv2d({ inputShape: [28, 28, 1], filters: 6, kernelSize: 5, padding: "same", activation: "relu" }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 16, kernelSize: 5, activation: "relu" }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 120, activation: "relu" }),
      dense({ units: 84, activation: "relu" }),
      dense({ units: 10 }),
    ],
  });
}

/** 28 rows of 28 pixels, 128 hidden units, ten classes from the last state. */
function lstm() {
  const { dense, lstm } = tf.layers;
  return tf.sequential({
    layers: [
      // The activations of PyTorch and Glassbox; the default of the gates is a hard sigmoid. The default initial
      // weights, orthogonal ones, need chained operations, which the core package lacks.
      lstm({
        inputShape: [28, 28],
        units: 128,
        recurrentActivation: "sigmoid",
        recurrentInitializer: "glorotUniform",
      }),
      dense({ units: 10 }),
    ],
  });
}

const isLstm = new URLSearchParams(location.search).get("network") === "lstm";

publish(async (backend) => {
  // Otherwise small operations of the WebGPU backend run in JavaScript.
  if (backend === "webgpu") tf.env().set("WEBGPU_CPU_FORWARD", false);
  if (backend === "wasm") tf.wasm.setWasmPaths("node_modules/@tensorflow/tfjs-backend-wasm/dist/");
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  await tf.ready();

  const { images, labels } = batch();
  const x = tf.tensor(images, isLstm ? [BATCH, 28, 28] : [BATCH, 28, 28, 1]);
  const y = tf.cast(tf.oneHot(tf.tensor1d(labels, "int32"), 10), "float32");
  const model = isLstm ? lstm() : lenet5();
  const adam = tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon);
  const loss = () => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }));

  let last = null;
  return {
    step() {
      last?.dispose();
      last = adam.minimize(loss, true);
    },
    async finish() {
      // The loss is known before the weights are updated, so the weights are waited for.
      await model.getWeights()[0].data();
      return (await last.data())[0];
    },
  };
});
