// What every peer page shares: the data, the starting weights, and the window in which the
// benchmark finds the page.

/** Images a step. */
export const BATCH = 64;

/** Adam as PyTorch, TensorFlow and Glassbox have it by default. */
export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/**
 * LeNet-5's parameters with PyTorch's names and shapes. What lies between the layers (ReLU and
 * 2x2 max pooling after both convolutions, ReLU after the first two linear layers) stands in each
 * page, in its engine's words. The first convolution has padding 2, so the second pooling leaves
 * 16 x 5 x 5 = 400 values.
 */
export const PARAMETERS = {
  "conv1.weight": [6, 1, 5, 5],
  "conv1.bias": [6],
  "conv2.weight": [16, 6, 5, 5],
  "conv2.bias": [16],
  "fc1.weight": [120, 400],
  "fc1.bias": [120],
  "fc2.weight": [84, 120],
  "fc2.bias": [84],
  "fc3.weight": [10, 84],
  "fc3.bias": [10],
};

/** Numbers in [0, 1) that are the same every time (mulberry32). */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One batch that can be learned: ten random patterns, one a class, under noise.
 *
 * Images (64, 28, 28) with values in [-1, 1), one channel, so that NCHW and NHWC are the same
 * bytes; labels 0 to 9.
 */
export function batch() {
  const random = randomNumbers(1);
  const patterns = Float32Array.from({ length: 10 * 28 * 28 }, () => random() * 2 - 1);
  const labels = Int32Array.from({ length: BATCH }, (_, sample) => sample % 10);
  const images = new Float32Array(BATCH * 28 * 28);
  for (let sample = 0; sample < BATCH; sample += 1) {
    for (let pixel = 0; pixel < 28 * 28; pixel += 1) {
      const noise = random() * 2 - 1;
      images[sample * 784 + pixel] = (patterns[labels[sample] * 784 + pixel] + noise) / 2;
    }
  }
  return { images, labels };
}

/** PyTorch's default: uniform in ±1/sqrt(inputs of one output); biases of the same range. */
export function startingWeights() {
  const random = randomNumbers(2);
  const weights = {};
  let bound = 0;
  for (const [name, shape] of Object.entries(PARAMETERS)) {
    if (name.endsWith("weight")) {
      bound = 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b));
    }
    const length = shape.reduce((a, b) => a * b);
    weights[name] = Float32Array.from({ length }, () => (random() * 2 - 1) * bound);
  }
  return weights;
}

/** The name of the adapter that WebGPU gives pages here. */
export async function adapterName() {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter");
  const { vendor, architecture, device, description } = adapter.info;
  return description || [vendor, architecture, device].filter(Boolean).join(" ");
}

/**
 * Puts a trainer where the benchmark looks for it.
 *
 * `start(backend)` returns `{ step, finish }`: `step()` asks for one training step and must not
 * wait for it more than the engine needs; `finish()` waits until everything asked for is done and
 * returns the loss of the last step.
 */
export function publish(start) {
  const backend = new URLSearchParams(location.search).get("backend");
  const trainer = start(backend);
  // The benchmark asks for the outcome later; a failure is not lost meanwhile.
  trainer.catch(() => {});
  window.bench = {
    /** Trains for `steps` steps; resolves to `{ steps, millis, loss }`. */
    async run(steps) {
      const { step, finish } = await trainer;
      const started = performance.now();
      for (let i = 0; i < steps; i += 1) await step();
      const loss = await finish();
      return { steps, millis: performance.now() - started, loss };
    },
  };
}
