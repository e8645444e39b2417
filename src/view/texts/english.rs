//! The texts in English.

use super::*;
use crate::data::{CsvProblem, TextProblem};
use crate::optim::MAX_LEARNING_RATE;
use crate::session::{Cause, PromptProblem, Refusal};
use crate::view::format;
use crate::view::url::Expected;

pub static TEXTS: Texts = Texts {
    locale: Locale::English,
    app: AppTexts {
        name: "Glassbox",
        tagline: "See how neural networks learn",
        skip_to_content: "Skip to content",
        switch_language: "中文",
        switch_language_label: "Switch to Chinese",
        theme: "Theme",
        theme_auto: "As the system",
        theme_light: "Light",
        theme_dark: "Dark",
        close: "Close",
        copy_link: "Copy link",
        link_copied: "Link copied. It opens this same run.",
        retry: "Try again",
        reload: "Reload the page",
        more: "More",
        document_title: |page| format!("{page} · Glassbox"),
    },
    nav: NavTexts {
        label: "Main navigation",
        home: "Home",
        map: "Map",
        learn: "Learn",
        step: "Step",
        train: "Train",
        lab: "Lab",
        about: "About",
    },
    presets: PresetsTexts {
        label: "Model and data",
    },
    of_presets: super::presets::ENGLISH,
    train: TrainTexts {
        title: "Train",
        intro: "A network starts from random weights and learns in front of you. Every number and curve here comes from the running computation.",
        controls: "Controls",
        play: "Play",
        pause: "Pause",
        step_batch: "Step one batch",
        step_batch_hint: "Forward, backward and update for one mini-batch, then stop",
        reset: "Reset",
        reset_hint: "Start over from the same initial weights",
        reseed: "Reseed",
        reseed_hint: "Start over from new random weights",
        hyperparameters: "Hyperparameters",
        learning_rate: "Learning rate",
        learning_rate_hint: "How far the weights move along the gradient in each step",
        batch_size: "Batch size",
        batch_size_hint: "How many samples are averaged for one step",
        optimizer: "Optimizer",
        optimizer_sgd: "SGD",
        optimizer_momentum: "SGD with momentum",
        optimizer_nesterov: "SGD with Nesterov momentum",
        optimizer_adam: "Adam",
        momentum: "Momentum",
        momentum_hint: "How much of the previous step is carried into the next",
        seed: "Seed",
        seed_hint: "The same seed on the same device gives the same run, bit for bit",
        epochs: "Epochs to train",
        epochs_hint: "Training stops by itself after so many passes over the data; empty: when you pause",
        applies_on_reset: "Takes effect when you reset",
        applies_now: "Takes effect at the next step",
        status_starting: "Starting",
        status_ready: "Ready",
        status_running: "Training",
        status_paused: "Paused",
        status_finished: "Finished",
        status_stopped: "Stopped",
        share: "This address describes the run: model, hyperparameters and seed.",
        needs_reset: "Some settings differ from the run in progress. Reset to use them.",
        last_batch: "Loss and accuracy of the last batch, before its update",
        step_through: "Step through this model",
        step_through_hint: "Walk through the next batch, operation by operation, on these very weights",
        choose_preset: "Choose a model",
        reset_done: |seed| format!("Back to the initial weights of seed {seed}"),
    },
    settings: super::settings_english::SETTINGS,
    device: DeviceTexts {
        label: "Device",
        auto: "Automatic",
        gpu: "GPU",
        cpu: "CPU",
        auto_hint: "A real GPU when there is one, otherwise the CPU",
        gpu_hint: "WebGPU, even when it is emulated in software",
        cpu_hint: "WebAssembly, works everywhere",
        badge_starting: "Device: starting",
        badge_none: "Device: none",
        badge_gpu: "GPU",
        badge_software: "GPU emulated",
        badge_cpu: "CPU",
        meaning_gpu: "The network trains on your graphics card through WebGPU.",
        meaning_software: "The browser offers WebGPU, but computes it on the CPU. Results are right; speed says nothing about a real GPU.",
        meaning_cpu: "The network trains on your processor, with the same plan the GPU would run.",
        fallback_no_webgpu: "This browser has no WebGPU. A current browser, over https or from localhost, may offer it.",
        fallback_no_adapter: "The browser has WebGPU, but offers no graphics adapter. Hardware acceleration may be switched off.",
        fallback_software: "The browser's WebGPU is emulated in software here, and this is faster.",
        fallback_no_device: "The graphics adapter refused to open a device.",
        adapter: |adapter| format!("Adapter: {adapter}"),
    },
    metrics: MetricsTexts {
        label: "Measurements",
        step: "Step",
        epoch: "Epoch",
        loss: "Loss",
        loss_unit: "Cross-entropy in nats, averaged over the batch",
        accuracy: "Accuracy",
        held_out_loss: "Held-out loss",
        held_out_accuracy: "Held-out accuracy",
        perplexity: "Perplexity",
        perplexity_hint: "exp(held-out loss): the network is as unsure as if it chose among this many equally likely characters",
        held_out_hint: "Held-out figures are measured on samples the network never trains on",
        samples_per_second: "Samples per second",
        not_computed: "not computed yet",
    },
    curves: CurveTexts {
        title: "Learning curves",
        summary_empty: "No steps yet. Press Play, or step one batch.",
        x_step: "Step",
        y_loss: "Loss",
        y_accuracy: "Accuracy",
        train_raw: "Training, each batch",
        train_smoothed: "Training, smoothed",
        held_out_loss: "Held out",
        held_out_accuracy: "Held out",
        smoothing: "Smoothing",
        smoothing_hint: "Exponential moving average with bias correction; changes the drawing, not the training",
        log_scale: "Logarithmic loss axis",
        show_raw: "Show each batch",
        summary: |step, loss| format!("Training loss after {step} steps: {loss}"),
    },
    digits: DigitsTexts {
        title: "Held-out digits",
        hint: "Digits the network has never trained on, as it reads them now",
        right: "Right",
        wrong: "Wrong",
        predicted: "predicted",
        truth: "true",
        only_wrong: "Only the wrong ones",
        waiting: "Predictions appear after the first evaluation.",
        describe_right: |label| format!("A {label}, read correctly"),
        describe_wrong: |label, predicted| format!("A {label}, read as {predicted}"),
        score: |right, all| format!("{right} of {all} right"),
    },
    draw: DrawTexts {
        title: "Draw a digit",
        hint: "Draw a digit here with mouse, pen or finger",
        clear: "Clear",
        canvas_label: "Drawing area for one digit",
        keyboard_hint: "Without a pointer: choose one of the held-out digits instead",
        how_it_is_made: "Your drawing is centred and scaled as MNIST was made: the ink fits 20 × 20 pixels and its centre of mass sits in the middle of 28 × 28.",
        network_sees: "What the network sees",
        prediction: "Prediction",
        probabilities: "Probability of each digit",
        empty: "Nothing drawn yet",
        waiting: "Waiting for the network",
        use_sample: "Use a held-out digit",
        predicts: |digit, probability| format!("Reads {digit} with probability {probability}"),
    },
    summary: SummaryTexts {
        title: "The model, layer by layer",
        layer: "Layer",
        output_shape: "Output shape",
        parameters: "Parameters",
        flops: "FLOPs",
        total: "Total",
        parameter_total: "Parameters in all",
        flops_hint: "Floating-point operations for one sample, forward",
        scale_link: "How much work, memory, time and energy its training takes, up to GPT-3",
        dispatches_per_step: "Dispatches per step",
        dispatches_hint: "Kernels started on the device for one training step",
        submits_per_step: "Submits per step",
        submits_hint: "Command buffers sent to the device for one training step; below 1 when several steps share one",
        allocations_in_warm_up: "Allocations while warming up",
        allocations_after_warm_up: "Allocations after that",
        allocations_hint: "GPU objects created: buffers, bind groups, pipelines. Training itself should create none.",
        step_time: "Time per step",
        step_time_hint: "Wall time of a submit divided by its steps; on the CPU, of the step itself",
        memory: "Memory at its peak",
        memory_hint: "Bytes the engine holds for tensors",
        input: "Input",
        work_title: "What one step costs",
        waiting: "Measured once training has begun.",
    },
    confusion: ConfusionTexts {
        title: "Confusion matrix",
        hint: "Held-out samples: each row is a true class, each column what the network said. The diagonal is right.",
        actual: "true",
        predicted: "predicted",
        recall: "recall",
        recall_hint: "Share of the row that is right",
        waiting: "Appears after the first evaluation.",
        cell: |count, actual, predicted| format!("{count} × {actual} read as {predicted}"),
        after: |step| format!("after step {step}"),
    },
    data: super::data_english::DATA,
    race: super::race::ENGLISH,
    writing: super::writing::ENGLISH,
    series: super::series::ENGLISH,
    files: FilesTexts {
        title: "Weights",
        save: "Save weights",
        load: "Load weights",
        format_hint: "A safetensors file; the names are those of PyTorch's state_dict.",
        drop_here: "Drop a safetensors file here",
        drop_now: "Let go to load the file",
        choose: "Choose a file",
        unreadable: "the browser could not read the file",
        too_large: |name, size, limit| {
            format!("{name} has {size}, more than the {limit} a file may have")
        },
        saved: |name| format!("Weights saved as {name}"),
        loaded: |name| format!("Weights loaded from {name}"),
    },
    keys: KeyTexts {
        title: "Keyboard",
        open: "Keyboard help",
        space: "Space",
        arrow_right: "→",
        letter_r: "R",
        question_mark: "?",
        escape: "Esc",
        play_or_pause: "Play or pause",
        step_one_batch: "Step one batch",
        reset: "Reset to the same initial weights",
        help: "Show or hide this help",
        close: "Close this help",
        not_while_typing: "Keys do nothing here while you type in a field.",
    },
    loading: LoadingTexts {
        page: "Loading the page",
        engine: "Starting the engine",
        compiling: "Compiling the kernels",
        model: "Building the model",
        data_files: "Loading the data",
        first_step: "Waiting for the first step",
        engine_ready: "Engine ready",
        engine_lost: "Engine stopped",
        build: "build",
        data: |name| format!("Loading {name}"),
        progress: |what, done, all| format!("{what}: {done} of {all}"),
    },
    errors: ErrorTexts {
        happened: "What happened",
        kept: "What was kept",
        action: "What you can do",
        details: "Details",
        use_cpu: "Train on the CPU",
        restart_engine: "Restart the engine",
        must_be: |value| format!("It must be {}", expected(value)),
        message,
        refusal: Refusal::to_string,
    },
    home: HomeTexts {
        headline: "Open the black box",
        lead: "Train small neural networks in your browser and watch what they do: data flowing forward, gradients flowing backward, weights being updated. No number here is canned; each comes from the computation that runs on your machine.",
        promise_real: "Real training, on your own GPU, or on the CPU where there is none",
        promise_local: "Nothing to install, and no data leaves the browser",
        promise_link: "Every run is a link: send it, and the same run opens elsewhere",
        legend: "The three colours used throughout",
        legend_forward: "Forward: from input to loss",
        legend_backward: "Backward: gradients, from loss to weights",
        legend_update: "Update: the weights move",
    },
    door_train: DoorTexts {
        title: "Train something now",
        body: "A convolutional network learns to read handwritten digits in front of you. Then it reads yours.",
        action: "Start training",
    },
    door_map: DoorTexts {
        title: "Concept map",
        body: "Ninety ideas from a neuron to GPT: what each is, what it needs, what it leads to, and where to watch it work.",
        action: "Open the map",
    },
    door_course: DoorTexts {
        title: "Course in twelve chapters",
        body: "From what a large model is to what limits it: short steps, each beside a live instrument, with formulas to try out and errors to find.",
        action: "Begin with chapter 1",
    },
    step: step_english::STEP,
    step_graph: step_graph::ENGLISH,
    time: time::ENGLISH,
    about: AboutTexts {
        title: "About Glassbox",
        what_title: "What it is",
        what: "A small training engine written in Rust and WGSL, and a page that shows it at work. The same engine runs in this page and on the command line.",
        privacy_title: "Your data",
        privacy: "No data leaves the browser. What you draw, load or train stays on your machine; the page makes no request to any third party and sets no cookies.",
        honesty_title: "Honest numbers",
        honesty: "Curves, predictions and speeds are measured while you watch, and say on which device. What has not been computed is shown as such, never as 0.",
        computes_title: "What computes",
        computes: "WGSL kernels through WebGPU on your graphics card; where there is none, the same plan in WebAssembly on your processor. Both run in a worker, so the page stays responsive. A badge on the training page says which it is.",
        licence_title: "Licence",
        licence: "Glassbox is free software under the MIT licence or the Apache License 2.0, as you choose.",
        credits_title: "Credits",
        credit_mnist: "Handwritten digits: a subset of the MNIST database by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, used under",
        credit_mnist_licence: "CC BY-SA 3.0",
        source: "Source code",
    },
    not_found: NotFoundTexts {
        title: "No such page",
        body: "The address may be mistyped, or from an older version. Nothing was lost.",
        home: "Go to the home page",
        address: |address| format!("Nothing is at {address}"),
    },
};

fn message(trouble: &Trouble) -> Message {
    match trouble {
        Trouble::NoWebGpu => Message::new(
            "This browser has no WebGPU",
            "Everything works on the CPU instead, only more slowly.",
            "To use a GPU, open this page in a current Chrome, Edge, Firefox or Safari, over https or from localhost.",
        ),
        Trouble::NoAdapter => Message::new(
            "WebGPU is there, but the browser offers no graphics adapter",
            "Everything works on the CPU instead, only more slowly.",
            "Check that hardware acceleration is on in the browser's settings and that the graphics driver is current, then reload.",
        ),
        Trouble::SoftwareAdapter { adapter } => Message::new(
            format!("WebGPU is emulated in software here ({adapter})"),
            "Results are right; only speed differs from a real GPU.",
            "Choose Automatic or CPU as the device: here that is faster than an emulated GPU.",
        ),
        Trouble::DeviceLost { reason } => Message::new(
            format!("The connection to the GPU was lost: {}", reason.message()),
            "The curves so far, your settings and the seed are kept. Weights on the GPU are gone.",
            "Restart the engine to train again from the initial weights, or continue on the CPU.",
        ),
        Trouble::OutOfMemory { reason } => Message::new(
            format!("The device has not enough memory: {}", reason.message()),
            "Your settings are kept. The run that was going on was stopped.",
            "Choose a smaller batch size or a smaller model, or close other pages that use the GPU.",
        ),
        Trouble::NonFinite { reason } => Message::new(
            format!("Training stopped, a value is infinite or not a number: {}", reason.message()),
            "The curves up to this step are kept, and the last checkpoint whose weights are all finite.",
            "Go back to that checkpoint or reset, and train with a smaller learning rate: when steps are too large, values grow without bound.",
        ),
        Trouble::BadFile { reason } => Message::new(
            format!("The file could not be loaded: {}", reason.message()),
            "The weights in use were not changed.",
            "Load a safetensors file that was saved from the same model.",
        ),
        Trouble::BadTable { reason } => Message::new(
            format!("The file cannot be learned from: {}", reason.message()),
            "The file and the run of before are kept, if there were any.",
            table_advice(reason),
        ),
        Trouble::BadText { reason } => Message::new(
            format!("The text cannot be learned from: {}", reason.message()),
            "The text and the run of before are kept, if there were any.",
            text_advice(reason),
        ),
        Trouble::BadPrompt { reason } => Message::new(
            format!("The network cannot write on: {}", reason.message()),
            "The prompt, the text of before and the training are kept.",
            prompt_advice(reason),
        ),
        Trouble::NoGpu { reason } => Message::new(
            format!("There is no GPU to train on: {}", reason.message()),
            "Nothing was started, and your settings are kept.",
            "Train on the CPU, or choose Automatic as the device.",
        ),
        Trouble::BadSetting { reason } => Message::new(
            format!("The engine cannot use a setting: {}", reason.message()),
            "The run is as it was before.",
            "Choose another value; the message says which are possible.",
        ),
        Trouble::BadUrlValue(problem) => Message::new(
            format!(
                "The address gives {} as “{}”, but it must be {}",
                problem.parameter,
                problem.given,
                expected(&problem.expected)
            ),
            match &problem.used {
                Some(used) => format!("{used} is used instead; the rest of the address is used as given."),
                None => "The model's own value is used instead; the rest of the address is used as given.".to_string(),
            },
            "Correct the address, or set the value on this page: the address follows.",
        ),
        Trouble::UnknownPreset { name } => Message::new(
            format!("There is no model called “{name}”"),
            "Nothing was started. The rest of the address is kept.",
            "Choose one of the models in the list.",
        ),
        Trouble::DataMissing { reason } => Message::new(
            format!("The data could not be loaded: {}", reason.message()),
            "Your settings are kept. No other data was put in its place.",
            "Check the connection and try again. Fashion-MNIST and CIFAR-10 are not part of this site: `cargo xtask data` gets them.",
        ),
        Trouble::WorkerCrash { reason } => Message::new(
            format!("The engine stopped unexpectedly: {}", reason.message()),
            "The page, the curves so far and your settings are kept. Weights not saved are gone.",
            "Restart the engine. If it stops again, choose the CPU or a smaller batch size.",
        ),
        Trouble::WorkerSilent => Message::new(
            "The engine answers no more",
            "The page, the curves so far and your settings are kept. Weights not saved are gone.",
            "Restart the engine. If it falls silent again, choose the CPU or a smaller batch size.",
        ),
        Trouble::WorkerNotStarted { reason } => Message::new(
            format!("The engine could not be started: {}", reason.message()),
            "The page works, but nothing can be trained. Your settings are in the address.",
            "Check the connection and restart the engine, or reload the page.",
        ),
        Trouble::DifferentBuilds { page, worker } => Message::new(
            format!("The page and its engine come from different builds ({page} and {worker})"),
            "Nothing was started, so nothing was lost. Your settings are in the address.",
            "Reload without the cache (Ctrl+Shift+R, on a Mac Cmd+Shift+R).",
        ),
        Trouble::Other { reason } => Message::new(
            format!("The engine reports an error: {}", reason.message()),
            "The page, the curves so far and your settings are kept.",
            "Restart the engine, or change the setting that the message names.",
        ),
    }
}

/// What to do about a table or a series that cannot be read.
fn table_advice(reason: &Reason) -> &'static str {
    let Some(Cause::Table { problem, .. }) = reason.cause() else {
        return "Correct the file, or choose another one.";
    };
    match problem {
        CsvProblem::NoNumber { .. }
        | CsvProblem::NotANumber { .. }
        | CsvProblem::NotFinite { .. }
        | CsvProblem::NoTarget { .. }
        | CsvProblem::NoColumn { .. }
        | CsvProblem::TooManyClasses { .. }
        | CsvProblem::OneClass { .. } => {
            "Correct the file, or choose another one or another column to predict."
        }
        CsvProblem::BadWindow { .. } => "Choose a window of a length that is possible.",
        CsvProblem::ShortSeries { .. } => "Choose a shorter window, or a file with more numbers.",
        _ => "Correct the file, or choose another one.",
    }
}

/// What to do about a text that cannot be learned from.
fn text_advice(reason: &Reason) -> &'static str {
    let Some(Cause::Text { problem, .. }) = reason.cause() else {
        return "Choose another text, or save the file as UTF-8.";
    };
    match problem {
        TextProblem::TooLarge { .. } => "Choose a shorter text, or a part of it.",
        TextProblem::NotText { .. } => "Save the file as UTF-8, or choose another one.",
        TextProblem::TooVaried { .. } => "Choose a text that repeats its characters more often.",
        TextProblem::TooShort { .. } => "Choose a longer text.",
        TextProblem::OneCharacter => "Choose a text of different characters.",
    }
}

/// What to do about a prompt that cannot be continued.
fn prompt_advice(reason: &Reason) -> &'static str {
    match reason.cause() {
        Some(Cause::Prompt(PromptProblem::Empty)) => {
            "Type at least one character of the text that the network learns from."
        }
        Some(Cause::Prompt(PromptProblem::TooLong { .. })) => {
            "Shorten the prompt: only its last characters are read, as many as the window holds."
        }
        _ => "Type only characters of the text that the network learns from.",
    }
}

/// What a value should have been, to follow "it must be".
fn expected(expected: &Expected) -> String {
    match expected {
        Expected::OneOf(choices) => format!("one of {}", choices.join(", ")),
        Expected::PositiveNumber => {
            format!("a number greater than 0 and at most {MAX_LEARNING_RATE}")
        }
        Expected::PathEnds => "two elements of tensors, such as x.0.1~loss.L".to_string(),
        Expected::NumberBelowOne => "a number from 0 to below 1".to_string(),
        Expected::NumberFromZero => format!("a number from 0 to {MAX_LEARNING_RATE}"),
        Expected::Number => {
            format!("a number from −{MAX_LEARNING_RATE} to {MAX_LEARNING_RATE}")
        }
        Expected::Share => "a number greater than 0 and at most 1".to_string(),
        Expected::WholeNumber { least, most } => format!(
            "a whole number from {} to {}",
            format::count(*least),
            format::count(*most)
        ),
    }
}
