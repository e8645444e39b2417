//! Every shader parses, keeps WebGPU's base limits, and is laid out as Rust binds it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use glassbox::exec::plan::{Group, PlannedOperand};
use glassbox::exec::{Mode, Plan};
use glassbox::graph::{Graph, ValueId};
use glassbox::ops::shader::{HALF_SHADERS, SHADERS, source, uses_step};
use glassbox::ops::wgsl_text::without_comments;
use glassbox::ops::{
    AdamUpdate, KernelCall, MomentumUpdate, Op, Operand, Params, Role, SgdUpdate, StepValues,
};
use naga::back::PipelineConstants;
use naga::back::pipeline_constants::process_overrides;
use naga::front::wgsl::parse_str;
use naga::proc::Layouter;
use naga::valid::{Capabilities, GlobalUse, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Handle, Module, StorageAccess, TypeInner};

use crate::cases::all_cases;
use crate::small_models::{Model, lenet, mlp, normalized, recurrent};
use crate::support::Case;

/// Storage buffers that a shader may bind: WebGPU's default limit.
const MAX_STORAGE_BUFFERS: usize = 8;
/// Bytes of workgroup memory: WebGPU's default limit.
const MAX_WORKGROUP_BYTES: u32 = 16 * 1024;
/// Invocations of a workgroup: WebGPU's default limit.
const MAX_INVOCATIONS: u32 = 256;

/// Shaders that an executor runs by itself, outside of any operation.
const OF_EXECUTORS: [&str; 1] = ["record_step"];

/// Asked when running: copies of the repository may share a folder of build outputs.
fn repository() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    package.unwrap_or(env!("CARGO_MANIFEST_DIR").into()).into()
}

/// (file stem, text) of every file in the folder; there must be some.
fn files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(repository().join("shaders")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_string();
        assert_eq!(path.extension().unwrap(), "wgsl", "{stem} is no shader");
        files.insert(stem, std::fs::read_to_string(&path).unwrap());
    }
    assert!(!files.is_empty(), "shaders/ is empty");
    files
}

/// The text of a shader of either list.
fn text_of(name: &str) -> &'static str {
    let half = HALF_SHADERS.iter().find(|(known, _)| *known == name);
    half.map_or_else(|| source(name), |(_, text)| text)
}

/// Whether it reads the step's values; those with float16 storage read none.
fn reads_step(name: &str) -> bool {
    let is_half = HALF_SHADERS.iter().any(|(known, _)| *known == name);
    !is_half && uses_step(name)
}

/// Float16 for shaders that enable it: a module that does not is valid without.
fn capabilities(module: &Module) -> Capabilities {
    let half = naga::Scalar::F16;
    let has_half = module
        .types
        .iter()
        .any(|(_, declared)| declared.inner.scalar() == Some(half));
    if has_half {
        Capabilities::SHADER_FLOAT16
    } else {
        Capabilities::empty()
    }
}

fn validate(module: &Module) -> Result<ModuleInfo, String> {
    Validator::new(ValidationFlags::all(), capabilities(module))
        .validate(module)
        .map_err(|error| format!("{error:?}"))
}

fn parse(name: &str, text: &str) -> (Module, ModuleInfo) {
    let module = parse_str(text)
        .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string_with_path(text, name)));
    let info = validate(&module).unwrap_or_else(|error| panic!("{name}: {error}"));
    (module, info)
}

/// The module with its overrides resolved, as a pipeline would have it.
///
/// Fails on a constant that the shader does not declare.
fn specialised(name: &str, constants: &[(&str, f64)]) -> Result<(Module, ModuleInfo), String> {
    let (module, info) = parse(name, text_of(name));
    let mut pipeline = PipelineConstants::default();
    for &(constant, value) in constants {
        pipeline.insert(constant.to_string(), value);
    }
    let (module, info) = process_overrides(&module, &info, None, &pipeline)
        .map_err(|error| format!("{name}: {error}"))?;
    Ok((module.into_owned(), info.into_owned()))
}

fn globals(module: &Module) -> impl Iterator<Item = (Handle<GlobalVariable>, &GlobalVariable)> {
    module.global_variables.iter()
}

/// Variables of a bind group, in the order of their bindings.
fn group(module: &Module, number: u32) -> Vec<(u32, Handle<GlobalVariable>, &GlobalVariable)> {
    let mut bound: Vec<_> = globals(module)
        .filter_map(|(handle, variable)| {
            let binding = variable.binding?;
            (binding.group == number).then_some((binding.binding, handle, variable))
        })
        .collect();
    bound.sort_by_key(|&(binding, ..)| binding);
    bound
}

fn is_storage(variable: &GlobalVariable) -> bool {
    matches!(variable.space, AddressSpace::Storage { .. })
}

/// Name, size in bytes and (member, offset) of a uniform's struct.
fn layout(module: &Module, variable: &GlobalVariable) -> (String, u32, Vec<(String, u32)>) {
    let declared = &module.types[variable.ty];
    let TypeInner::Struct { members, span } = &declared.inner else {
        panic!("{:?} is no struct", variable.name);
    };
    let members = members
        .iter()
        .map(|member| (member.name.clone().unwrap(), member.offset))
        .collect();
    (declared.name.clone().unwrap(), *span, members)
}

#[test]
fn the_list_of_shaders_is_the_folder() {
    let files = files();
    let listed: BTreeMap<String, String> = SHADERS
        .iter()
        .chain(HALF_SHADERS)
        .map(|&(name, text)| (name.to_string(), text.to_string()))
        .collect();
    let count = SHADERS.len() + HALF_SHADERS.len();
    assert_eq!(listed.len(), count, "a shader is listed twice");
    let (names, stems): (BTreeSet<_>, BTreeSet<_>) =
        (listed.keys().collect(), files.keys().collect());
    assert_eq!(names, stems);
    assert!(listed == files, "the text in the binary is not the file's");
}

#[test]
fn a_shader_without_comments_is_the_same_code_line_by_line() {
    for &(name, text) in SHADERS.iter().chain(HALF_SHADERS) {
        let code = without_comments(text);
        assert_eq!(code.lines().count(), text.lines().count(), "{name}");
        assert!(code.len() < text.len(), "{name} has comments");
        assert_eq!(without_comments(&code), code);
        for (line, kept) in text.lines().zip(code.lines()) {
            let is_comment = line.trim_start().starts_with("//");
            assert_eq!(kept, if is_comment { "" } else { line }, "{name}");
        }
        naga::front::wgsl::parse_str(&code).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_shader_is_valid_and_has_one_entry_point_named_as_the_file() {
    for (name, text) in files() {
        let (module, _) = parse(&name, &text);
        let entries: Vec<&str> = module
            .entry_points
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(entries, [name.as_str()]);
        assert_eq!(
            module.entry_points[0].stage,
            naga::ShaderStage::Compute,
            "{name}"
        );
    }
    // Control: what a shader must not be is noticed.
    assert!(parse_str("fn broken( {").is_err());
    let wrong = parse_str("fn wrong() -> u32 { return 1.5; }").map(|module| validate(&module));
    assert!(!matches!(wrong, Ok(Ok(_))));
}

#[test]
fn bindings_are_params_then_tensors_and_the_step_has_its_own_group() {
    for (name, text) in files() {
        let (module, info) = parse(&name, &text);
        let bound = group(&module, 0);
        let numbers: Vec<u32> = bound.iter().map(|&(binding, ..)| binding).collect();
        let expected: Vec<u32> = (0..bound.len() as u32).collect();
        assert_eq!(numbers, expected, "{name}: bindings of group 0");
        let first = bound[0].2;
        assert_eq!(first.name.as_deref(), Some("params"), "{name}");
        assert_eq!(first.space, AddressSpace::Uniform, "{name}");
        assert!(
            bound[1..].iter().all(|(.., variable)| is_storage(variable)),
            "{name}"
        );
        assert!(bound.len() > 1, "{name} binds no tensor");

        let step = group(&module, 1);
        assert_eq!(
            step.len(),
            usize::from(reads_step(&name)),
            "{name}: group 1"
        );
        for (binding, _, variable) in &step {
            assert_eq!(
                (*binding, variable.name.as_deref()),
                (0, Some("step")),
                "{name}"
            );
            assert_eq!(variable.space, AddressSpace::Uniform, "{name}");
        }
        let resources = globals(&module).filter(|(_, variable)| variable.binding.is_some());
        assert_eq!(
            resources.count(),
            bound.len() + step.len(),
            "{name} has further groups"
        );
        for (_, handle, variable) in bound.iter().chain(&step) {
            let used = !info.get_entry_point(0)[*handle].is_empty();
            assert!(used, "{name}: {:?} is never used", variable.name);
        }
    }
}

#[test]
fn every_shader_keeps_the_base_limits() {
    let mut constants_of: BTreeMap<&str, Vec<Vec<(&str, f64)>>> = BTreeMap::new();
    let mut add = |shader, constants: &Vec<(&'static str, f64)>| {
        let known = constants_of.entry(shader).or_default();
        if !known.contains(constants) {
            known.push(constants.clone());
        }
    };
    for_every_call(|_, call| add(call.shader, &call.constants));
    for_every_planned_call(|_, _, group, call| {
        add(group.calls[call].shader, &group.calls[call].constants);
    });
    for &(name, _) in SHADERS.iter().chain(HALF_SHADERS) {
        let mut constants = vec![Vec::new()];
        constants.extend(constants_of.get(name).into_iter().flatten().cloned());
        for constants in constants {
            let (module, _) = specialised(name, &constants).unwrap();
            let storage = globals(&module)
                .filter(|(_, variable)| is_storage(variable))
                .count();
            assert!(
                storage <= MAX_STORAGE_BUFFERS,
                "{name}: {storage} storage buffers"
            );
            let mut layouter = Layouter::default();
            layouter.update(module.to_ctx()).unwrap();
            let workgroup = globals(&module)
                .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
                .map(|(_, variable)| layouter[variable.ty].size)
                .sum::<u32>();
            assert!(
                workgroup <= MAX_WORKGROUP_BYTES,
                "{name}: {workgroup} bytes of workgroup memory"
            );
            let invocations: u32 = module.entry_points[0].workgroup_size.iter().product();
            assert!(
                (1..=MAX_INVOCATIONS).contains(&invocations),
                "{name}: {invocations} invocations"
            );
        }
    }
    // Control: the count is of the resolved size, not of the [1, 1, 1] that stands in for an override.
    let (relu, _) = specialised("relu", &[]).unwrap();
    assert_eq!(relu.entry_points[0].workgroup_size, [64, 1, 1]);
    let (wide, _) = specialised("relu", &[("WORKGROUP_SIZE", 512.0)]).unwrap();
    assert_eq!(wide.entry_points[0].workgroup_size, [512, 1, 1]);
    assert!(specialised("relu", &[("NO_SUCH_CONSTANT", 1.0)]).is_err());
}

#[test]
fn every_shader_begins_with_its_name_its_equation_its_shapes_and_its_twin() {
    let root = repository().join("src");
    for (name, text) in files() {
        let header: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let first = header
            .first()
            .unwrap_or_else(|| panic!("{name} has no header"));
        assert!(
            first.starts_with(&format!("//! {name}: ")),
            "{name}: {first}"
        );
        let equation = header.iter().any(|line| {
            line.starts_with("//!     ") && (line.contains(" = ") || line.contains('←'))
        });
        assert!(equation, "{name}: no equation in the header");
        assert!(
            header.iter().any(|line| line.contains("Shapes")),
            "{name}: no shapes"
        );
        let twin = header
            .iter()
            .find_map(|line| line.strip_prefix("//! Twin: "));
        let Some(twin) = twin else {
            assert!(
                OF_EXECUTORS.contains(&name.as_str()),
                "{name} names no twin"
            );
            continue;
        };
        // Twin: `ops/file.rs`, `Item`.
        let quoted: Vec<&str> = twin.split('`').skip(1).step_by(2).collect();
        let (file, items) = quoted
            .split_first()
            .unwrap_or_else(|| panic!("{name}: the twin is {twin}"));
        assert!(!items.is_empty(), "{name}: the twin is {twin}");
        let room = std::fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
        for item in items {
            assert!(room.contains(item), "{name}: {file} has no {item}");
        }
    }
}

/// Calls `body` for every kernel call of every case.
fn for_every_call(mut body: impl FnMut(&Case, &KernelCall)) {
    let mut count = 0;
    for (_, cases) in all_cases() {
        for case in cases {
            let single = case.single();
            let dims = &single.graph().node(single.node()).dims;
            for call in case.op.kernels(dims) {
                body(&case, &call);
                count += 1;
            }
        }
    }
    assert!(count > 0, "no case has a kernel");
}

/// Calls `body` for every call of plans that train or inspect whole models, where one
/// kernel may do the work of several nodes.
fn for_every_planned_call(mut body: impl FnMut(&Graph, &Plan, &Group, usize)) {
    let updates = [
        Op::SgdUpdate(SgdUpdate::default()),
        Op::MomentumUpdate(MomentumUpdate {
            momentum: 0.9,
            ..MomentumUpdate::default()
        }),
        Op::AdamUpdate(AdamUpdate::default()),
    ];
    let mut count = 0;
    for make in [mlp as fn(usize) -> Model, lenet, normalized, recurrent] {
        for batch in [1, 5, 64] {
            for update in &updates {
                let model = make(batch).differentiated(Some(update.clone()));
                for mode in [Mode::Train, Mode::Inspect] {
                    let plan = Plan::new(&model.graph, mode, &[model.loss, model.correct]);
                    for group in &plan.groups {
                        for call in 0..group.calls.len() {
                            body(&model.graph, &plan, group, call);
                            count += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(count > 0, "no plan has a call");
}

#[test]
fn every_shader_is_run_by_an_operation_of_its_name_or_by_an_executor() {
    let mut run = BTreeSet::new();
    let mut by_operation: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for_every_call(|case, call| {
        run.insert(call.shader);
        by_operation
            .entry(case.op.name())
            .or_default()
            .insert(call.shader);
    });
    let known: BTreeSet<&str> = SHADERS.iter().map(|&(name, _)| name).collect();
    run.extend(OF_EXECUTORS);
    for_every_planned_call(|_, _, group, call| {
        run.insert(group.calls[call].shader);
    });
    assert_eq!(
        run, known,
        "shaders that are run, and shaders that there are"
    );
    for &name in Op::NAMES {
        match by_operation.get(name) {
            Some(shaders) => assert!(shaders.contains(name), "{name} runs {shaders:?}"),
            None => assert!(
                ["flatten", "flatten_backward", "reshape"].contains(&name),
                "{name} has no kernel"
            ),
        }
    }
}

fn check_params(shader: &str, params: &Params) {
    let (module, _) = parse(shader, source(shader));
    let (name, size, members) = layout(&module, group(&module, 0)[0].2);
    let fields: Vec<(String, u32)> = params
        .fields
        .iter()
        .map(|&(field, offset)| (field.to_string(), offset as u32))
        .collect();
    assert_eq!(name, params.name, "{shader}");
    assert_eq!(members, fields, "{shader}");
    assert_eq!(size as usize, params.bytes.len(), "{shader}");
    assert_eq!(size % 16, 0, "{shader}: uniforms come in 16 bytes");
}

#[test]
fn the_params_of_every_call_are_laid_out_as_the_shader_reads_them() {
    for_every_call(|_, call| check_params(call.shader, &call.params));
    let mut seen = BTreeSet::new();
    for_every_planned_call(|_, _, group, call| {
        let call = &group.calls[call];
        if seen.insert((call.shader, call.params.bytes.clone())) {
            check_params(call.shader, &call.params);
        }
    });
}

#[test]
fn the_step_values_are_laid_out_as_the_shaders_read_them() {
    macro_rules! offsets {
        ($($field:ident),+) => {
            vec![$((stringify!($field).to_string(), std::mem::offset_of!(StepValues, $field) as u32)),+]
        };
    }
    let expected = offsets!(
        step,
        valid,
        first,
        slot,
        learning_rate,
        bias_correction_1,
        bias_correction_2,
        training
    );
    let mut compared = 0;
    for (name, text) in files() {
        let (module, _) = parse(&name, &text);
        for (_, _, variable) in group(&module, 1) {
            let (declared, size, members) = layout(&module, variable);
            assert_eq!(declared, "StepValues", "{name}");
            assert_eq!(size as usize, size_of::<StepValues>(), "{name}");
            assert_eq!(members, expected, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 0, "no shader reads the step's values");
}

#[test]
fn structs_of_one_name_are_the_same_in_every_shader() {
    let mut layouts = BTreeMap::new();
    for (name, text) in files() {
        let (module, _) = parse(&name, &text);
        for (_, _, variable) in group(&module, 0)
            .into_iter()
            .take(1)
            .chain(group(&module, 1))
        {
            let (declared, size, members) = layout(&module, variable);
            let known = layouts
                .entry(declared)
                .or_insert_with(|| (size, members.clone()));
            assert_eq!(*known, (size, members), "{name}");
        }
    }
    assert!(layouts.len() > 1);
}

#[test]
fn every_call_binds_what_the_shader_reads_and_writes() {
    for_every_call(|case, call| {
        let what = format!("{}: {}", case.label, call.shader);
        let (module, info) = parse(call.shader, source(call.shader));
        let tensors = &group(&module, 0)[1..];
        assert_eq!(tensors.len(), call.operands.len(), "{what}");
        for (&(_, handle, variable), &operand) in tensors.iter().zip(&call.operands) {
            let AddressSpace::Storage { access } = variable.space else {
                panic!("{what}: {:?} is no storage buffer", variable.name);
            };
            let written = access.contains(StorageAccess::STORE);
            let uses = info.get_entry_point(0)[handle];
            assert_eq!(
                uses.contains(GlobalUse::WRITE),
                written,
                "{what}: {:?}",
                variable.name
            );
            assert!(
                !uses.contains(GlobalUse::ATOMIC),
                "{what}: {:?}",
                variable.name
            );
            if let Operand::Input(_) = operand {
                assert!(!written, "{what}: an input is read_write");
            }
        }
        let distinct: BTreeSet<String> = call
            .operands
            .iter()
            .map(|operand| format!("{operand:?}"))
            .collect();
        assert_eq!(
            distinct.len(),
            call.operands.len(),
            "{what}: an operand is bound twice"
        );
    });
}

/// The operands of a call that its shader writes.
fn written(call: &KernelCall) -> Vec<Operand> {
    let (module, info) = parse(call.shader, source(call.shader));
    let tensors = group(&module, 0);
    let operands = tensors[1..].iter().zip(&call.operands);
    operands
        .filter(|((_, handle, _), _)| info.get_entry_point(0)[*handle].contains(GlobalUse::WRITE))
        .map(|(_, &operand)| operand)
        .collect()
}

#[test]
fn the_kernels_of_an_operation_write_every_output_and_read_no_workspace_before_it_is_written() {
    for (name, cases) in all_cases() {
        let case = &cases[0];
        let single = case.single();
        let dims = &single.graph().node(single.node()).dims;
        let calls = case.op.kernels(dims);
        let mut done: Vec<Operand> = Vec::new();
        for call in &calls {
            let writes = written(call);
            for &operand in &call.operands {
                let from_outside = matches!(operand, Operand::Input(_));
                assert!(
                    from_outside || writes.contains(&operand) || done.contains(&operand),
                    "{name}: {} reads {operand:?} before it is written",
                    call.shader
                );
            }
            done.extend(writes);
        }
        for (number, output) in case.op.outputs().iter().enumerate() {
            // A new shape of the same memory needs no kernel.
            let same_memory = matches!(output.role, Role::Alias(_)) && calls.is_empty();
            assert!(
                same_memory || done.contains(&Operand::Output(number)),
                "{name}: no kernel writes {}",
                output.name
            );
        }
        for number in 0..case.op.workspaces(dims).len() {
            assert!(
                done.contains(&Operand::Workspace(number)),
                "{name}: workspace {number}"
            );
        }
    }
}

#[test]
fn the_element_types_of_bindings_are_those_of_the_operands() {
    for_every_call(|case, call| {
        let (module, _) = parse(call.shader, source(call.shader));
        let (inputs, outputs) = (case.op.inputs(), case.op.outputs());
        for (&(_, _, variable), &operand) in group(&module, 0)[1..].iter().zip(&call.operands) {
            let TypeInner::Array { base, .. } = module.types[variable.ty].inner else {
                panic!("{}: {:?} is no array", call.shader, variable.name);
            };
            let scalar = module.types[base]
                .inner
                .scalar()
                .expect("an array of numbers");
            // An output that stands for an input's memory goes by the input's symbol.
            let (name, element) = match operand {
                Operand::Input(input) => (inputs[input].name, inputs[input].element),
                Operand::Output(output) => match outputs[output].role {
                    Role::Alias(input) => (inputs[input].name, inputs[input].element),
                    _ => (outputs[output].name, outputs[output].element),
                },
                Operand::Workspace(_) => continue,
            };
            // Inputs that one kernel takes in turn are numbered: x0, x1, …
            let symbol = match case.op.name() {
                "concatenate" => name.trim_end_matches(|letter: char| letter.is_ascii_digit()),
                _ => name,
            };
            assert_eq!(variable.name.as_deref(), Some(symbol), "{}", call.shader);
            let real = element == glassbox::tensor::ElementType::F32;
            assert_eq!(
                scalar,
                if real {
                    naga::Scalar::F32
                } else {
                    naga::Scalar::U32
                },
                "{}: {name}",
                call.shader
            );
        }
    });
}

#[test]
fn the_workgroups_of_every_call_cover_its_elements() {
    let mut compared = 0;
    for_every_call(|case, call| {
        let (module, _) = specialised(call.shader, &call.constants).unwrap();
        let size: u32 = module.entry_points[0].workgroup_size.iter().product();
        let field = |name: &str| {
            let (_, offset) = call
                .params
                .fields
                .iter()
                .find(|(field, _)| *field == name)?;
            let bytes = call.params.bytes[*offset..*offset + 4].try_into().unwrap();
            Some(u32::from_le_bytes(bytes))
        };
        let [x, y, z] = call.workgroups;
        assert!(
            x >= 1 && y >= 1 && z == 1,
            "{}: {:?}",
            case.label,
            call.workgroups
        );
        if let Some(row) = field("row_length") {
            assert_eq!(row, x * size, "{}: {}", case.label, call.shader);
            let covered = field("count").is_none_or(|count| row * y >= count);
            assert!(covered, "{}: {}", case.label, call.shader);
            compared += 1;
        }
    });
    assert!(compared > 0, "no kernel says how long its rows are");
}

/// For every shader, whether it writes each binding behind `params`, in order.
fn writes() -> BTreeMap<&'static str, Vec<bool>> {
    let of = |name| {
        let (module, info) = parse(name, source(name));
        group(&module, 0)[1..]
            .iter()
            .map(|&(_, handle, _)| info.get_entry_point(0)[handle].contains(GlobalUse::WRITE))
            .collect()
    };
    SHADERS.iter().map(|&(name, _)| (name, of(name))).collect()
}

#[test]
fn planned_calls_write_what_their_nodes_compute_and_bind_no_buffer_in_two_ways() {
    let known = writes();
    for_every_planned_call(|graph, plan, group, number| {
        let owner = |id: ValueId| graph.storage(id).0;
        let nodes = group.nodes.iter().map(|&node| graph.node(node));
        let made: BTreeSet<ValueId> = nodes
            .flat_map(|node| node.outputs.iter().map(|&id| owner(id)))
            .collect();
        let call = &group.calls[number];
        let what = format!("{:?}: {}", plan.mode, call.shader);
        assert_eq!(known[call.shader].len(), call.operands.len(), "{what}");

        // What this call binds: the slot, whether it is written, and which elements.
        let mut bound: Vec<(usize, bool, Range<usize>)> = Vec::new();
        for (&operand, &write) in call.operands.iter().zip(&known[call.shader]) {
            let id = match operand {
                PlannedOperand::Value(id) => id,
                PlannedOperand::Workspace(workspace) => {
                    assert!(workspace < plan.workspaces.len(), "{what}");
                    continue;
                }
            };
            assert!(
                !write || made.contains(&owner(id)),
                "{what} writes {}",
                graph.value(id).name
            );
            let place = plan.place(id);
            let range = place.offset..place.offset + graph.value(id).shape.count();
            bound.push((place.slot, write, range));
        }
        // One buffer bound both to read and to write is a validation error, and so are
        // two bindings that write the same elements.
        for (at, (slot, write, range)) in bound.iter().enumerate() {
            for (_, other_write, other) in bound[..at].iter().filter(|other| other.0 == *slot) {
                assert_eq!(
                    write, other_write,
                    "{what}: a buffer is bound to read and to write"
                );
                let apart = range.end <= other.start || other.end <= range.start;
                assert!(
                    !write || apart,
                    "{what}: two bindings write the same elements"
                );
            }
        }
    });
}

#[test]
fn the_calls_of_a_group_write_everything_that_others_read() {
    let known = writes();
    for_every_planned_call(|graph, plan, group, number| {
        if number > 0 {
            return;
        }
        let mut written: BTreeSet<ValueId> = BTreeSet::new();
        for call in &group.calls {
            for (&operand, &write) in call.operands.iter().zip(&known[call.shader]) {
                if let (PlannedOperand::Value(id), true) = (operand, write) {
                    written.insert(id);
                }
            }
        }
        let outside = graph.node_ids().filter(|node| !group.nodes.contains(node));
        let read: BTreeSet<ValueId> = outside
            .flat_map(|node| graph.node(node).inputs.iter().copied())
            .collect();
        for &node in &group.nodes {
            let node = graph.node(node);
            for (output, &id) in node.op.outputs().iter().zip(&node.outputs) {
                let alias = matches!(output.role, Role::Alias(_));
                let needed = read.contains(&id) || plan.mode == Mode::Inspect;
                assert!(
                    alias || !needed || written.contains(&id),
                    "{:?}: no kernel writes {}",
                    plan.mode,
                    graph.value(id).name
                );
            }
        }
    });
}
