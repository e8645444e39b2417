//! The settings of a run. The address keeps them; the run follows where it can.

use leptos::prelude::*;

use super::number_field::NumberField;
use super::schedule_preview::SchedulePreview;
use super::setting_field::SettingField;
use crate::optim::{OptimizerKind, OptionKey};
use crate::view::format;
use crate::view::presets;
use crate::view::url::{DEFAULT_SEED, OptimizerChoice};
use crate::web::address::{use_address, use_texts};
use crate::web::engine::use_engine;

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
    let has_momentum = Memo::new(move |_| {
        OptimizerKind::from_name(optimizer.get()).is_some_and(OptimizerKind::has_momentum)
    });
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
                <BatchChoices/>
                <OptimizerField optimizer/>
                <Show when=move || has_momentum.get()>
                    <NumberField
                        key="momentum"
                        testid="momentum"
                        label=Signal::derive(move || texts.get().train.momentum)
                        hint=Signal::derive(move || later(texts.get().train.momentum_hint))
                        value=momentum
                    />
                </Show>
                <More
                    testid="optimizer-options"
                    title=Signal::derive(move || texts.get().settings.optimizer_own)
                >
                    {fields(&OF_OPTIMIZERS)}
                </More>
                <More
                    testid="schedule-options"
                    title=Signal::derive(move || texts.get().settings.schedule)
                >
                    {fields(&OF_SCHEDULES)}
                    <SchedulePreview/>
                </More>
                <More
                    testid="stopping-options"
                    title=Signal::derive(move || texts.get().settings.stopping)
                >
                    {fields(&OF_STOPPING)}
                </More>
                {fields(&OF_INITIALIZERS)}
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

/// In the order in which they stand on the page.
const OF_OPTIMIZERS: [OptionKey; 9] = [
    OptionKey::Dampening,
    OptionKey::Alpha,
    OptionKey::Beta1,
    OptionKey::Beta2,
    OptionKey::LrDecay,
    OptionKey::Eps,
    OptionKey::Centered,
    OptionKey::RmspropMomentum,
    OptionKey::WeightDecay,
];
const OF_SCHEDULES: [OptionKey; 8] = [
    OptionKey::Schedule,
    OptionKey::ScheduleK,
    OptionKey::Gamma,
    OptionKey::StepSize,
    OptionKey::TMax,
    OptionKey::LrMin,
    OptionKey::Warmup,
    OptionKey::ScheduleUnit,
];
const OF_STOPPING: [OptionKey; 3] = [OptionKey::Clip, OptionKey::Patience, OptionKey::Monitor];
const OF_INITIALIZERS: [OptionKey; 2] = [OptionKey::Init, OptionKey::InitValue];

/// A field for each setting.
fn fields(keys: &[OptionKey]) -> impl IntoView + use<> {
    let fields = keys.iter().map(|&key| view! { <SettingField key/> });
    fields.collect_view()
}

/// Settings that most runs leave as they are, folded.
#[component]
fn More(
    /// Its `data-testid`.
    testid: &'static str,
    /// What the settings are about.
    #[prop(into)]
    title: Signal<&'static str>,
    /// The fields.
    children: Children,
) -> impl IntoView {
    view! {
        <details class="more" data-testid=testid>
            <summary class="more-title">{title}</summary>
            <div class="more-body">{children()}</div>
        </details>
    }
}

/// The two extremes of the batch size: one sample, and all.
#[component]
fn BatchChoices() -> impl IntoView {
    let address = use_address();
    let engine = use_engine();
    let texts = use_texts();
    let train_count = engine.part(|run| run.started.as_ref().map(|s| s.config.train_count));
    // A preset of one sample has nothing to choose.
    let count = move || train_count.get().filter(|&count| count > 1);
    let set = move |batch| address.change(|state| state.hyperparameters.batch = Some(batch));
    move || {
        count().map(|count| {
            view! {
                <div class="field-row">
                    <button
                        type="button"
                        class="button"
                        data-testid="batch-one"
                        title=move || texts.get().settings.batch_one_hint
                        on:click=move |_| set(1)
                    >
                        {move || texts.get().settings.batch_one}
                    </button>
                    <button
                        type="button"
                        class="button"
                        data-testid="batch-all"
                        title=move || texts.get().settings.batch_all_hint
                        on:click=move |_| set(count)
                    >
                        {move || (texts.get().settings.batch_all)(&format::count(count.into()))}
                    </button>
                </div>
            }
        })
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
                let texts = texts.get();
                match OptimizerKind::from_name(choice.name()) {
                    Some(kind) => texts.settings.optimizer(&texts.train, kind),
                    None => choice.name(),
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
