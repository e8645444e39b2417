// The body of a function that the benchmark runs in the page /train/lenet5-mnist: presses play,
// watches `steps` training steps go by, presses pause. Arguments: steps, patience in milliseconds.
// Resolves to `{ steps, millis, loss }`.
//
// The time is the page's wall clock between two changes of the step reading, curves and all. The
// page also measures the held-out digits now and then, which the other engines do not; a stretch in
// which such a measurement came in counts neither in the steps nor in the time.

const [wanted, patience] = arguments;
const reading = (id) => document.querySelector(`[data-testid='${id}']`);
const phase = () => reading("run-status").dataset.phase;
const until = async (what, isDone) => {
  const end = performance.now() + patience;
  while (!isDone()) {
    if (performance.now() > end) {
      throw new Error(`expected ${what} within ${patience} ms; the page says "${phase()}"`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const watched = reading("metric-step").closest("dl");
const heldOut = () => reading("metric-held-out-loss").textContent;
const total = { steps: 0, millis: 0, loss: NaN };
let seen = { step: NaN, heldOut: heldOut(), at: 0 };
// The stretch before the first reading is the start of training.
let isDisturbed = true;

const observer = new MutationObserver(() => {
  const now = { step: Number(reading("metric-step").textContent.replaceAll(",", "")), heldOut: heldOut(), at: performance.now() };
  const hasMeasured = now.heldOut !== seen.heldOut;
  if (now.step === seen.step) {
    isDisturbed ||= hasMeasured;
    seen.heldOut = now.heldOut;
    return;
  }
  if (!isDisturbed && !hasMeasured) {
    total.steps += now.step - seen.step;
    total.millis += now.at - seen.at;
  }
  // Where both came at once, the measurement may have been before or after the step.
  isDisturbed = hasMeasured;
  seen = now;
});

observer.observe(watched, { subtree: true, childList: true, characterData: true });
reading("play-pause").click();
try {
  await until(`${wanted} steps`, () => total.steps >= wanted);
} finally {
  observer.disconnect();
  if (phase() === "playing") reading("play-pause").click();
}
await until("a pause", () => phase() === "paused");
total.loss = Number(reading("metric-loss").textContent);
return total;
