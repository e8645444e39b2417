//! The settings of a run. The address keeps them; the run follows where it can.

use leptos::prelude::*;

use super::number_field::NumberField;
use crate::optim::OptimizerKind;
use crate::view::format;
use crate::view::presets;
use crate::view::url::{DEFAULT_SEED, OptimizerChoice};
use crate::web::address::{use_address, use_texts};

/// Learning rate, batch size, optimizer, momentum, seed, and when to stop.
#[component]
pub fn Hyperparameters() -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let defaults = Memo::new(move |_| {
        address
            .state
            .with(|state| presets::defaults(state.route.preset().unwrap_or_default()))
    });
    let learning_rate = Memo::new(move |_| {
        let set = address
            .state
            .with(|state| state.hyperparameters.learning_rate);
        let default = defaults.get().map(|run| run.learning_rate);
        set.or(default).map(format::shortest).unwrap_or_default()
    });
    let batch = Memo::new(move |_| {
        let set = address.state.with(|state| state.hyperparameters.batch);
        let default = defaults.get().map(|run| run.batch);
        set.or(default)
            .map(|batch| batch.to_string())
            .unwrap_or_default()
    });
    let momentum = Memo::new(move |_| {
        let set = address.state.with(|state| state.hyperparameters.momentum);
        let default = defaults.get().map(|run| run.momentum);
        set.or(default).map(format::shortest).unwrap_or_default()
    });
    let seed = Memo::new(move |_| {
        let seed = address.state.with(|state| state.seed);
        seed.unwrap_or(DEFAULT_SEED).to_string()
    });
    let optimizer = Memo::new(move |_| {
        let set = address.state.with(|state| state.hyperparameters.optimizer);
        let default = defaults.get().map(|run| run.optimizer);
        set.map(OptimizerChoice::name)
            .or(default.map(OptimizerKind::name))
            .unwrap_or_default()
    });
    let epochs = Memo::new(move |_| {
        let epochs = address.state.with(|state| state.hyperparameters.epochs);
        epochs.map(|epochs| epochs.to_string()).unwrap_or_default()
    });
    let has_no_momentum = Memo::new(move |_| optimizer.get() != OptimizerChoice::Momentum.name());
    let now = move |hint: &'static str| format!("{hint} · {}", texts.get().train.applies_now);
    let later =
        move |hint: &'static str| format!("{hint} · {}", texts.get().train.applies_on_reset);
    view! {
        <section class="panel">
            <h2 class="panel-title">{move || texts.get().train.hyperparameters}</h2>
            <div class="panel-body">
                <NumberField
                    key="lr"
                    testid="learning-rate"
                    label=Signal::derive(move || texts.get().train.learning_rate)
                    hint=Signal::derive(move || now(texts.get().train.learning_rate_hint))
                    value=learning_rate
                />
                <NumberField
                    key="batch"
                    testid="batch-size"
                    step="1"
                    label=Signal::derive(move || texts.get().train.batch_size)
                    hint=Signal::derive(move || later(texts.get().train.batch_size_hint))
                    value=batch
                />
                <OptimizerField optimizer/>
                <NumberField
                    key="momentum"
                    testid="momentum"
                    label=Signal::derive(move || texts.get().train.momentum)
                    hint=Signal::derive(move || later(texts.get().train.momentum_hint))
                    value=momentum
                    is_disabled=has_no_momentum
                />
                <NumberField
                    key="seed"
                    testid="seed"
                    step="1"
                    label=Signal::derive(move || texts.get().train.seed)
                    hint=Signal::derive(move || later(texts.get().train.seed_hint))
                    value=seed
                />
                <NumberField
                    key="epochs"
                    testid="epochs"
                    step="1"
                    label=Signal::derive(move || texts.get().train.epochs)
                    hint=Signal::derive(move || texts.get().train.epochs_hint.to_string())
                    value=epochs
                />
                <p class="panel-note">{move || texts.get().train.share}</p>
            </div>
        </section>
    }
}

/// The choice of the update rule.
#[component]
fn OptimizerField(
    /// The name of the optimizer in the address, or the preset's own.
    #[prop(into)]
    optimizer: Signal<&'static str>,
) -> impl IntoView {
    let address = use_address();
    let texts = use_texts();
    let options = OptimizerChoice::ALL
        .iter()
        .map(|&choice| {
            let name = move || {
                let train = &texts.get().train;
                match choice {
                    OptimizerChoice::Sgd => train.optimizer_sgd,
                    OptimizerChoice::Momentum => train.optimizer_momentum,
                    OptimizerChoice::Adam => train.optimizer_adam,
                }
            };
            view! {
                <option value=choice.name() selected=move || optimizer.get() == choice.name()>
                    {name}
                </option>
            }
        })
        .collect_view();
    let choose = move |event| {
        let choice = OptimizerChoice::parse(&event_target_value(&event));
        address.change(|state| state.hyperparameters.optimizer = choice);
    };
    view! {
        <div class="field">
            <label class="field-label" for="optimizer">
                {move || texts.get().train.optimizer}
            </label>
            <select
                id="optimizer"
                class="select"
                data-testid="optimizer"
                aria-describedby="optimizer-hint"
                prop:value=move || optimizer.get()
                on:change=choose
            >
                {options}
            </select>
            <p class="field-hint" id="optimizer-hint">
                {move || texts.get().train.applies_on_reset}
            </p>
        </div>
    }
}
