//! The point of an element on its activation's curve, with the tangent there.

use leptos::prelude::*;

use super::{Subject, numbers};
use crate::session::CurveFacts;
use crate::view::format;
use crate::view::microscope::detail::activation::{self, HEIGHT, WIDTH};
use crate::web::address::use_texts;
use crate::web::step::scope::use_microscope;

/// Curve, tangent, point, and the numbers of all three.
#[component]
pub fn ActivationView(
    /// Node and element.
    subject: Subject,
    /// The curve at the element.
    curve: CurveFacts,
) -> impl IntoView {
    let scope = use_microscope();
    let texts = use_texts();
    let gradients = Memo::new(move |_| {
        scope.revision.track();
        let numbers = numbers(scope);
        activation::gradients(&subject.graph, &subject.node, &subject.element, &numbers)
    });
    move || {
        let detail = &texts.get().step;
        let lines = activation::lines(&curve);
        let number = |value: f64| format::significant(value, 5);
        let [x1, y1, x2, y2] = lines.tangent.map(|at| format!("{at:.1}"));
        let [x, y] = lines.point.map(|at| format!("{at:.1}"));
        let [zero_x, zero_y] = lines.origin.map(|at| format!("{at:.1}"));
        let words =
            (detail.activation_point)(&number(curve.x), &number(curve.y), &number(curve.slope));
        let passed = gradients.get().map(|(upstream, passed)| {
            format!(
                "dx = dy · slope = {} · {} = {}",
                number(upstream),
                number(curve.slope),
                number(passed)
            )
            .replace("slope", detail.slope_word)
        });
        view! {
            <div class="step-subpart" data-testid="detail-activation">
                <h4>{detail.activation}</h4>
                <svg
                    class="activation"
                    viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                    role="img"
                    aria-label=words.clone()
                >
                    <line class="plot-rule" x1="0" x2=WIDTH.to_string() y1=zero_y.clone() y2=zero_y></line>
                    <line class="plot-rule" y1="0" y2=HEIGHT.to_string() x1=zero_x.clone() x2=zero_x></line>
                    <polyline points=lines.curve></polyline>
                    <line class="activation-tangent" x1=x1 y1=y1 x2=x2 y2=y2></line>
                    <circle cx=x cy=y r="4"></circle>
                </svg>
                <p class="detail-line numeric">{words}</p>
                {passed.map(|line| view! { <p class="detail-line numeric">{line}</p> })}
            </div>
        }
    }
}
