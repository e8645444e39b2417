//! Loss of one prediction and its gradient: the logit is dragged, both follow.

use leptos::prelude::*;

use super::Settings;
use super::controls::{self, Handle, Started};
use crate::view::format;
use crate::view::texts::widgets::losses::{LossesTexts, texts};
use crate::view::widgets::handle::Range;
use crate::view::widgets::losses::{FORMULAS, LossChoice, Losses, REACH, State};
use crate::view::widgets::reading::Expected;
use crate::web::address::use_locale;

pub fn widget(settings: Settings) -> AnyView {
    let locale = use_locale();
    let t = move || texts(locale.get());
    let words =
        move |text: fn(&LossesTexts) -> &'static str| Signal::derive(move || text(t()).to_string());
    let Started {
        state,
        problems,
        reset,
    } = controls::start(settings, State::read);
    let z = Signal::derive(move || state.get().z);
    let set_z = Callback::new(move |z| state.update(|state| state.z = z));
    let losses = Memo::new(move |_| state.get().losses());
    let drawing = move |is_gradient: bool| {
        let drawing = Memo::new(move |_| {
            let t = t();
            let title = if is_gradient {
                t.gradient_axis
            } else {
                t.loss_axis
            };
            let names = [t.bce_line, t.mse_line];
            state.get().plane(is_gradient, names, title).drawn()
        });
        Signal::from(drawing)
    };
    let handle = move |label: fn(&LossesTexts) -> &'static str| Handle {
        label: words(label),
        words: Signal::derive(move || {
            let prediction = format::significant(losses.get().prediction, 6);
            (t().point)(&format::significant(z.get(), 6), &prediction)
        }),
        range: Signal::stored(Range::linear(-REACH, REACH, 0.1)),
        value: z,
        set: set_z,
    };
    let targets = Signal::derive(|| {
        ["1", "0"]
            .map(|id| (id.to_string(), id.to_string()))
            .to_vec()
    });
    let set_target = Callback::new(move |id: String| {
        state.update(|state| state.target = u8::from(id == "1"));
    });
    let kinds = Signal::derive(move || {
        let t = t();
        let texts = [("bce", t.bce), ("mse", t.mse), ("both", t.both)];
        texts
            .map(|(id, text)| (id.to_string(), text.to_string()))
            .to_vec()
    });
    let choose = Callback::new(move |id: String| {
        if let Some(loss) = LossChoice::from_id(&id) {
            state.update(|state| state.loss = loss);
        }
    });
    let part = move |pick: fn(&Losses) -> f64| Signal::derive(move || losses.with(pick));
    let loss = Memo::new(move |_| state.get().loss);
    // Each loss with how its gradient comes about.
    let explained = move || {
        let loss = loss.get();
        let bce = loss.has_bce().then(|| {
            let latex = move || losses.get().bce_difference(state.get().target);
            view! {
                <div class="widget-part is-bce">
                    <p>{words(|t| t.bce_why)}</p>
                    {controls::formula(Signal::stored(FORMULAS[0].to_string()))}
                    {controls::formula(Signal::derive(latex))}
                    <dl class="widget-values">
                        {controls::value("losses-bce", words(|t| t.loss), part(|l| l.bce))}
                        {controls::value("losses-bce-gradient", words(|t| t.gradient), part(|l| l.bce_gradient))}
                    </dl>
                </div>
            }
        });
        let mse = loss.has_mse().then(|| {
            view! {
                <div class="widget-part is-mse">
                    <p>{words(|t| t.mse_why)}</p>
                    {controls::formula(Signal::stored(FORMULAS[1].to_string()))}
                    {controls::formula(Signal::derive(move || losses.get().mse_product()))}
                    <dl class="widget-values">
                        {controls::value("losses-mse", words(|t| t.loss), part(|l| l.mse))}
                        {controls::value("losses-mse-gradient", words(|t| t.gradient), part(|l| l.mse_gradient))}
                    </dl>
                </div>
            }
        });
        let ratio = (loss == LossChoice::Both).then(|| {
            view! {
                <dl class="widget-values">
                    {controls::value("losses-ratio", words(|t| t.ratio), part(|l| 1.0 / l.sigmoid_slope))}
                </dl>
            }
        });
        view! { {bce}{mse}{ratio} }
    };
    let expected = Expected::Number {
        low: -REACH,
        high: REACH,
    };
    let body = view! {
        <div class="widget-fields">
            {controls::switch(
                "losses-target",
                words(|t| t.target),
                targets,
                Signal::derive(move || state.get().target.to_string()),
                set_target,
            )}
            {controls::switch(
                "losses-loss",
                words(|t| t.shown),
                kinds,
                Signal::derive(move || loss.get().id().to_string()),
                choose,
            )}
        </div>
        {controls::slider_field(
            "losses-z",
            words(|t| t.z),
            Range::linear(-REACH, REACH, 0.1),
            expected,
            z,
            set_z,
        )}
        {controls::plot("losses-plot", drawing(false), handle(|t| t.plot_loss))}
        {controls::plot("losses-gradient-plot", drawing(true), handle(|t| t.plot_gradient))}
        {controls::drag_hint()}
        <dl class="widget-values">
            {controls::value("losses-prediction", words(|t| t.prediction), part(|l| l.prediction))}
        </dl>
        {explained}
        <p class="panel-note">{words(|t| t.units)}</p>
    };
    controls::frame(
        "losses",
        words(|t| t.title),
        problems,
        reset,
        body.into_any(),
    )
}
