// LeNet-5 in TensorFlow.js (backends `webgpu` and `cpu`), written as its guides do.

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

publish(async (backend) => {
  // Otherwise small operations of the WebGPU backend run in JavaScript.
  if (backend === "webgpu") tf.env().set("WEBGPU_CPU_FORWARD", false);
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  await tf.ready();

  const { images, labels } = batch();
  const x = tf.tensor4d(images, [BATCH, 28, 28, 1]);
  const y = tf.cast(tf.oneHot(tf.tensor1d(labels, "int32"), 10), "float32");
  const model = lenet5();
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
