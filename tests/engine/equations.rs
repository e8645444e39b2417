//! What is displayed is what is computed: equations against the twins, their terms, and their markup.

use std::collections::BTreeSet;

use glassbox::equation::{Condition, Environment, Equation, Expression, Position, render};
use glassbox::exec::single::{SingleOperation, SingleRun};
use glassbox::graph::Node;
use glassbox::ops::{Op, OperationEnvironment};

use crate::cases::all_cases;
use crate::support::{Case, Tolerance, assert_close, assert_not_close, numbers};

/// Both sides compute in f64, adding at most some hundreds of numbers in another order.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-12,
    relative: 1e-12,
};

/// The equation has 1 − βᵗ in f64; the twin gets it rounded to f32 (6e-8 of it) and
/// multiplies by a learning rate of 0.01 and a step of at most about 3.
const ADAM_WEIGHT: Tolerance = Tolerance {
    absolute: 5e-9,
    relative: 0.0,
};

/// Elements of an output that are compared.
const SAMPLED: usize = 40;

pub fn tolerance(op: &Op, equation: &Equation) -> Tolerance {
    match (op.name(), equation.output) {
        ("adam_update" | "adamw_update", "w′") => ADAM_WEIGHT,
        _ => TOLERANCE,
    }
}

fn sampled(count: usize) -> Vec<usize> {
    if count <= SAMPLED {
        return (0..count).collect();
    }
    (0..SAMPLED)
        .map(|number| number * (count - 1) / (SAMPLED - 1))
        .collect()
}

/// The tensors of a case by the names that the equations use: inputs as they were
/// before the operation ran, and outputs.
fn environment<'a>(
    case: &'a Case,
    single: &'a SingleOperation,
    run: &'a SingleRun<f64>,
) -> OperationEnvironment<'a> {
    let node: &Node = single.graph().node(single.node());
    let mut environment = OperationEnvironment::new(&case.op, &node.dims, case.step);
    for (input, tensor) in case.op.inputs().iter().zip(&case.inputs) {
        environment = environment.with_values(input.name, tensor.shape(), tensor.values());
    }
    let outputs = case.op.outputs().into_iter().zip(&node.outputs);
    for ((output, &id), values) in outputs.zip(&run.outputs) {
        let shape = &single.graph().value(id).shape;
        environment = environment.with_tensor(output.name, shape, |at| values.number(at));
    }
    environment
}

/// Calls `body` for every equation of a case, with the twin's values of its output and the
/// equation's indices of each of them.
pub fn for_equations_of(
    case: &Case,
    mut body: impl FnMut(&Equation, &OperationEnvironment<'_>, &[f64], &dyn Fn(usize) -> Vec<usize>),
) {
    let name = case.op.name();
    let single = case.single();
    let run = case.run::<f64>();
    let environment = environment(case, &single, &run);
    let dims = &single.graph().node(single.node()).dims;
    let (equations, outputs) = (case.op.equations(dims), case.op.outputs());
    assert_eq!(
        equations.len(),
        outputs.len(),
        "{name}: one equation for each output"
    );
    for (number, equation) in equations.iter().enumerate() {
        assert_eq!(equation.output, outputs[number].name, "{name}");
        let shape = &single.graph().value(single.outputs()[number]).shape;
        let extents: Vec<usize> = equation
            .indices
            .iter()
            .map(|(_, extent)| environment.scalar(extent) as usize)
            .collect();
        assert_eq!(
            extents.iter().product::<usize>(),
            shape.count(),
            "{}",
            case.label
        );
        // Over tensors of any shape there is one index.
        let flat = extents != shape.dims();
        assert!(!flat || extents.len() == 1, "{}: {extents:?}", case.label);
        let index = |at: usize| if flat { vec![at] } else { shape.index(at) };
        let expected = numbers(&run.outputs[number]);
        body(equation, &environment, &expected, &index);
    }
}

/// Calls `body` for every equation of every case, with the twin's values of its output.
fn for_every_equation(
    mut body: impl FnMut(
        &Case,
        &Equation,
        &OperationEnvironment<'_>,
        &[f64],
        &dyn Fn(usize) -> Vec<usize>,
    ),
) {
    let mut names = BTreeSet::new();
    for (name, cases) in all_cases() {
        for case in cases {
            for_equations_of(&case, |equation, environment, expected, index| {
                body(&case, equation, environment, expected, index);
                names.insert(name);
            });
        }
    }
    assert_eq!(
        names.len(),
        Op::NAMES.len(),
        "every operation has an equation"
    );
}

#[test]
fn every_equation_evaluates_to_what_the_twin_computes() {
    for_every_equation(|case, equation, environment, expected, index| {
        let what = format!("{} {}", case.label, equation.output);
        let tolerance = tolerance(&case.op, equation);
        let places = sampled(expected.len());
        let actual: Vec<f64> = places
            .iter()
            .map(|&at| equation.evaluate(environment, &index(at)))
            .collect();
        let expected: Vec<f64> = places.iter().map(|&at| expected[at]).collect();
        assert_close(&what, &actual, &expected, tolerance);
        // Control: each element compared with the value of a wrong one.
        let wrong: Vec<f64> = actual.iter().map(|value| value + 1e-6).collect();
        assert_not_close(&what, &wrong, &expected, tolerance);
    });
}

#[test]
fn the_terms_of_an_element_add_up_to_it() {
    let mut with_several_terms = BTreeSet::new();
    for_every_equation(|case, equation, environment, expected, index| {
        let tolerance = tolerance(&case.op, equation);
        for at in sampled(expected.len()) {
            let what = format!("{} {}{:?}", case.label, equation.output, index(at));
            let explanation = equation.explain(environment, &index(at));
            let total = explanation.total();
            assert_close(&what, &[total], &[expected[at]], tolerance);
            // Control: without one of its terms the element is another number.
            let terms = explanation.groups.iter().flat_map(|group| &group.terms);
            let dropped = terms
                .map(|term| term.value)
                .rfind(|value| value.abs() > 1e-6);
            if let Some(dropped) = dropped {
                assert_not_close(&what, &[total - dropped], &[expected[at]], tolerance);
            }
            if explanation.term_count() > 1 {
                with_several_terms.insert(case.op.name());
            }
        }
    });
    for name in [
        "linear",
        "conv2d_backward_weight",
        "max_pool2d_backward",
        "adam_update",
    ] {
        assert!(
            with_several_terms.contains(name) || name == "max_pool2d_backward",
            "{name}"
        );
    }
    assert!(with_several_terms.len() >= 10, "{with_several_terms:?}");
}

#[test]
fn the_terms_refer_to_what_the_element_depends_on() {
    // Changing an input element that no term refers to leaves the output as it is.
    let case = &crate::cases::cases_of("conv2d")[2];
    let (single, run) = (case.single(), case.run::<f64>());
    let environment = environment(case, &single, &run);
    let equation = &case.op.equations(&single.graph().node(single.node()).dims)[0];
    let shape = single.graph().value(single.outputs()[0]).shape.clone();
    for at in sampled(shape.count()) {
        let explanation = equation.explain(&environment, &shape.index(at));
        let terms: Vec<_> = explanation
            .groups
            .iter()
            .flat_map(|group| &group.terms)
            .collect();
        let referred: BTreeSet<usize> = terms
            .iter()
            .flat_map(|term| &term.references)
            .filter(|reference| reference.tensor == "x")
            .map(|reference| case.inputs[0].shape().offset(&reference.index).unwrap())
            .collect();
        assert!(!referred.is_empty());
        for pixel in sampled(case.inputs[0].shape().count()) {
            let mut inputs = case.buffers::<f64>();
            if let glassbox::ops::Buffer::Real(values) = &mut inputs[0] {
                values[pixel] += 1.0;
            }
            let moved = single.run(&inputs, &[], &case.step).unwrap();
            let changed = moved.outputs[0].number(at) != run.outputs[0].number(at);
            assert_eq!(changed, referred.contains(&pixel), "y[{at}] and x[{pixel}]");
        }
    }
}

/// The tensors that an expression reads.
fn tensors_of(expression: &Expression, names: &mut BTreeSet<&'static str>) {
    match expression {
        Expression::Number(_) | Expression::Scalar(_) | Expression::Random(_) => {}
        Expression::Element { tensor, indices } => {
            names.insert(tensor);
            indices
                .iter()
                .for_each(|position| tensors_of_position(position, names));
        }
        Expression::Add(parts) | Expression::Multiply(parts) => {
            parts.iter().for_each(|part| tensors_of(part, names));
        }
        Expression::Negate(inner) | Expression::Apply(_, inner) => tensors_of(inner, names),
        Expression::Divide(left, right) | Expression::Power(left, right) => {
            tensors_of(left, names);
            tensors_of(right, names);
        }
        Expression::Sum { body, .. } | Expression::Maximum { body, .. } => tensors_of(body, names),
        Expression::Indicator(Condition::Positive(inner)) => tensors_of(inner, names),
        Expression::Indicator(
            Condition::Equal(left, right)
            | Condition::Different(left, right)
            | Condition::Less(left, right),
        ) => {
            tensors_of_position(left, names);
            tensors_of_position(right, names);
        }
        Expression::Value(position) => tensors_of_position(position, names),
    }
}

fn tensors_of_position(position: &Position, names: &mut BTreeSet<&'static str>) {
    match position {
        Position::Index(_) | Position::Scalar(_) | Position::Number(_) => {}
        Position::Add(left, right)
        | Position::Subtract(left, right)
        | Position::Multiply(left, right)
        | Position::Quotient(left, right)
        | Position::Remainder(left, right)
        | Position::ExactQuotient(left, right) => {
            tensors_of_position(left, names);
            tensors_of_position(right, names);
        }
        Position::Lookup { tensor, indices } => {
            names.insert(tensor);
            indices
                .iter()
                .for_each(|position| tensors_of_position(position, names));
        }
        Position::ArgMaximum { body, .. } => tensors_of(body, names),
    }
}

/// The values of `data-term` in a text whose tags must nest and whose leaves must hold something.
fn terms_of_markup(text: &str) -> Result<BTreeSet<&str>, String> {
    let mut open = Vec::new();
    let mut terms = BTreeSet::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let content = &rest[..start];
        let end = rest[start..].find('>').ok_or("a tag does not end")? + start;
        let tag = &rest[start + 1..end];
        if let Some(name) = tag.strip_prefix('/') {
            let (opened, empty) = open
                .pop()
                .ok_or_else(|| format!("</{name}> closes nothing"))?;
            if opened != name {
                return Err(format!("</{name}> closes <{opened}>"));
            }
            if empty && content.is_empty() {
                return Err(format!("<{name}> is empty"));
            }
        } else {
            if let Some((_, empty)) = open.last_mut() {
                *empty = false;
            }
            let name = tag.split(' ').next().unwrap_or(tag);
            if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_lowercase()) {
                return Err(format!("<{tag}> is no tag"));
            }
            if !tag.matches('"').count().is_multiple_of(2) {
                return Err(format!("<{tag}> has an open quote"));
            }
            if let Some((_, value)) = tag.split_once("data-term=\"") {
                terms.insert(value.trim_end_matches('"'));
            }
            open.push((name, true));
        }
        let entity = content
            .replace("&lt;", "")
            .replace("&gt;", "")
            .replace("&#x2061;", "");
        if entity.contains(['&', '>']) {
            return Err(format!("{content:?} is not escaped"));
        }
        rest = &rest[end + 1..];
    }
    match open.last() {
        Some((name, _)) => Err(format!("<{name}> is not closed")),
        None if !rest.is_empty() => Err(format!("{rest:?} is outside of the markup")),
        None => Ok(terms),
    }
}

/// What is wrong with LaTeX: braces, pairs of `\left` and `\right`, or letters it does not have.
fn latex_problem(text: &str) -> Option<String> {
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            letter if !letter.is_ascii() => return Some(format!("{letter} is not ASCII")),
            _ => {}
        }
        if depth < 0 {
            return Some("a brace closes nothing".into());
        }
    }
    if depth != 0 {
        return Some(format!("{depth} braces are open"));
    }
    let (left, right) = (
        text.matches("\\left").count(),
        text.matches("\\right").count(),
    );
    (left != right).then(|| format!("{left} \\left and {right} \\right"))
}

#[test]
fn every_equation_is_well_formed_mathml_whose_terms_are_its_tensors() {
    for_every_equation(|case, equation, _, _, _| {
        let text = render::mathml(equation);
        for (label, equals) in [
            ("aria-label=\"", " equals "),
            ("data-label-zh=\"", " 等于 "),
        ] {
            let words = text
                .split(label)
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            let words = words.unwrap_or_else(|| panic!("{}: no {label}", case.label));
            assert!(words.contains(equals), "{}: {words}", case.label);
            assert!(!words.contains(['<', '>', '&']), "{}: {words}", case.label);
        }
        let terms = terms_of_markup(&text).unwrap_or_else(|problem| {
            panic!("{} {}: {problem}\n{text}", case.label, equation.output)
        });
        let mut expected = BTreeSet::from([equation.output]);
        tensors_of(&equation.expression, &mut expected);
        assert_eq!(terms, expected, "{}", case.label);
        let (inputs, outputs) = (case.op.inputs(), case.op.outputs());
        let known: BTreeSet<&str> = inputs
            .iter()
            .map(|input| input.name)
            .chain(outputs.iter().map(|output| output.name))
            .collect();
        assert!(
            terms.is_subset(&known),
            "{}: {terms:?} of {known:?}",
            case.label
        );
    });
}

#[test]
fn every_equation_is_balanced_latex() {
    for_every_equation(|case, equation, _, _, _| {
        let text = render::latex(equation);
        if let Some(problem) = latex_problem(&text) {
            panic!("{} {}: {problem}\n{text}", case.label, equation.output);
        }
    });
}

#[test]
fn broken_markup_is_noticed() {
    assert_eq!(
        terms_of_markup("<mi data-term=\"x\">x</mi>"),
        Ok(BTreeSet::from(["x"]))
    );
    for broken in [
        "<mi>x</mo>",
        "<mrow><mi>x</mi>",
        "<mi>x</mi></mrow>",
        "<mi></mi>",
        "<mo><</mo>",
        "<mo>&</mo>",
        "<mi data-term=\"x>x</mi>",
        "x",
    ] {
        assert!(terms_of_markup(broken).is_err(), "{broken}");
    }
    for broken in ["x_{n", "x}_{n", "\\left(x", "η"] {
        assert!(latex_problem(broken).is_some(), "{broken}");
    }
}

#[test]
fn equations_read_as_they_are_meant() {
    let latex = |name: &str, equation: usize| {
        let case = &crate::cases::cases_of(name)[0];
        let single = case.single();
        let dims = &single.graph().node(single.node()).dims;
        render::latex(&case.op.equations(dims)[equation])
    };
    assert_eq!(
        latex("conv2d", 0),
        "y_{n, o, p, q} = \\sum_{c} \\sum_{i} \\sum_{j} x_{n, c, s \\cdot p + i - \\mathrm{pad}, \
         s \\cdot q + j - \\mathrm{pad}} \\cdot w_{o, c, i, j} + b_{o}"
    );
    assert_eq!(
        latex("sgd_update", 0),
        "w'_{i} = w_{i} - \\eta \\cdot g_{i}"
    );
    assert_eq!(
        latex("softmax_cross_entropy", 3),
        "\\mathrm{loss\\_of\\_row}_{n} = \\mathbf{1}\\left[n < B\\right] \\cdot \\left(\\ln\\left(\\sum_{k} \
         \\exp\\left(z_{n, k} - \\max_{j} z_{n, j}\\right)\\right) + \\left(\\max_{j} z_{n, j}\\right) - z_{n, t_{n}}\\right)"
    );
    assert_eq!(
        latex("momentum_update", 0),
        "w'_{i} = w_{i} - \\eta \\cdot \\left(\\mu \\cdot v_{i} + g_{i}\\right)"
    );
}
