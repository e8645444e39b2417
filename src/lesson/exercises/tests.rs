//! The expected figures of CURRICULUM.md, and that every exercise can fail.

use super::*;

fn measures(id: ExerciseId, form: Form) -> Measures {
    let Some((Experiment::Direct(measure), _)) = experiment(id) else {
        panic!("{id:?} is not done at once");
    };
    measure(form).unwrap()
}

#[track_caller]
fn assert_is(measures: &Measures, key: &str, expected: f64, within: f64) {
    let actual = measures.get(key);
    assert!(
        (actual - expected).abs() <= within,
        "{key}: {actual}, expected {expected}"
    );
}

/// The measurements of both forms, after the verdict was tried: it holds for them, and for no other pair of them.
#[track_caller]
fn tried(id: ExerciseId) -> (Measures, Measures) {
    let (_, verdict) = experiment(id).unwrap();
    let (faulty, right) = (measures(id, Form::Faulty), measures(id, Form::Right));
    assert!(verdict(&faulty, &right), "{id:?}: {faulty:?} {right:?}");
    for (a, b) in [(&right, &right), (&faulty, &faulty), (&right, &faulty)] {
        assert!(!verdict(a, b), "{id:?} says so of anything");
    }
    (faulty, right)
}

#[test]
fn without_the_derivative_a_dead_unit_gets_a_gradient() {
    let (faulty, right) = tried(ExerciseId::X4);
    assert_is(&faulty, "delta2", 0.138771, 1e-6);
    assert_is(&right, "delta2", 0.0, 0.0);
    assert_is(&right, "slope2", 0.0, 1e-9);
    assert_is(&right, "z2", -0.5, 1e-12);
}

#[test]
fn with_the_wrong_sign_the_loss_rises() {
    let (faulty, right) = tried(ExerciseId::X5);
    assert_is(&faulty, "loss_before", 0.620957, 1e-6);
    assert_is(&faulty, "loss_after", 0.679508, 1e-6);
    assert_is(&faulty, "output_delta", 0.462570, 1e-6);
    assert_is(&right, "loss_after", 0.565096, 1e-6);
    assert_is(&right, "output_delta", -0.462570, 1e-6);
}

#[test]
fn without_the_derivative_of_sigmoid_the_gradient_is_150_times_too_large() {
    let (faulty, right) = tried(ExerciseId::X6);
    assert_is(&faulty, "gradient", -0.993307, 1e-6);
    assert_is(&right, "gradient", -0.006604, 1e-6);
    assert_is(&right, "slope", -0.006604, 1e-6);
}

#[test]
fn one_over_t_plus_one_travels_9_79_full_steps() {
    let (faulty, right) = tried(ExerciseId::X7);
    assert_is(&faulty, "travelled", 9.79, 0.005);
    assert_is(&faulty, "bowl_loss", 0.245, 0.0005);
    assert!(right.get("travelled") > 400.0);
}
