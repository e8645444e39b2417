//! The instrument as the page and the command line drive it.

use super::*;
use pollster::block_on;

fn drive(compress: &mut Compress, command: Command) -> Result<Vec<Event>, CompressError> {
    let mut events = Vec::new();
    block_on(compress.handle(command, &mut |event| events.push(event)))?;
    while block_on(compress.advance(20.0, &mut |event| events.push(event)))? {}
    events.retain(|event| !matches!(event, Event::Progress { .. }));
    Ok(events)
}

fn one_try(events: &[Event]) -> Try {
    let mut tries = events.iter().filter_map(|event| match event {
        Event::Tried(tried) => Some((**tried).clone()),
        _ => None,
    });
    let found = tries.next().unwrap();
    assert!(tries.next().is_none());
    found
}

fn settings(epochs: u32) -> TrainSettings {
    TrainSettings {
        network: "lenet5-mnist".into(),
        epochs: Some(epochs),
        learning_rate: Some(0.03),
        seed: 1,
    }
}

/// Trained on 300 digits.
fn trained() -> (Compress, Try) {
    let mut compress = Compress::new();
    compress.provide(digits(30, 20));
    let events = drive(&mut compress, Command::Train(settings(10))).unwrap();
    let Event::Base(base) = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (base.parameters, base.weights, base.steps),
        (61_706, 61_470, 50)
    );
    let tried = one_try(&events);
    (compress, tried)
}

fn save(compress: &mut Compress, number: u32) -> Vec<u8> {
    let events = drive(compress, Command::Save { number }).unwrap();
    let [
        Event::Saved {
            number: saved,
            bytes,
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*saved, number);
    bytes.clone()
}

#[test]
fn what_is_compressed_is_measured_saved_and_read_again_with_the_same_predictions() {
    let (mut compress, base) = trained();
    assert_eq!((base.number, base.zeros, base.threshold), (0, 0, None));
    assert!(base.accuracy > 0.5, "{}", base.accuracy);
    let recipe = Recipe {
        sparsity: 0.8,
        bits: Some(4),
        granularity: Granularity::Channel,
        ..Recipe::default()
    };
    let events = drive(&mut compress, Command::Try(recipe)).unwrap();
    let tried = one_try(&events);
    assert_eq!(
        (tried.number, tried.recipe, tried.weights),
        (1, recipe, 61_470)
    );
    // Pruned, and those that round to level 0.
    assert!(tried.zeros >= 49_176);
    assert!(
        tried.bytes < base.bytes / 8,
        "{} of {}",
        tried.bytes,
        base.bytes
    );
    assert_eq!(tried.before, base.before);
    assert_eq!(u64::from(tried.after.zeros), tried.zeros);
    for number in [0, 1] {
        let bytes = save(&mut compress, number);
        let shown = if number == 0 { &base } else { &tried };
        assert_eq!(bytes.len() as u64, shown.bytes);
        let events = drive(&mut compress, Command::Load { bytes }).unwrap();
        let [Event::Loaded(loaded)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((loaded.same_as, loaded.samples), (Some(number), 200));
        assert_eq!((loaded.accuracy, loaded.loss), (shown.accuracy, shown.loss));
        assert_eq!((loaded.zeros, loaded.bytes), (shown.zeros, shown.bytes));
    }
    // Another instrument knows no try of these predictions, and measures the same.
    let mut other = Compress::new();
    other.provide(digits(30, 20));
    let bytes = save(&mut compress, 1);
    let events = drive(&mut other, Command::Load { bytes }).unwrap();
    let [Event::Loaded(loaded)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((loaded.same_as, loaded.accuracy), (None, tried.accuracy));
    assert_eq!(
        drive(&mut compress, Command::Clear).unwrap(),
        [Event::Cleared]
    );
    assert!(drive(&mut compress, Command::Save { number: 1 }).is_err());
    assert_eq!(save(&mut compress, 0).len() as u64, base.bytes);
}

#[test]
fn the_same_recipe_gives_the_same_bytes() {
    let (mut compress, base) = trained();
    let recipe = Recipe {
        sparsity: 0.9,
        bits: Some(3),
        fine_tune: Some(FineTune {
            epochs: 2,
            gradual: true,
            through_quantized: true,
            learning_rate: None,
            seed: 5,
        }),
        ..Recipe::default()
    };
    let tried: Vec<Try> = (0..2)
        .map(|_| one_try(&drive(&mut compress, Command::Try(recipe)).unwrap()))
        .collect();
    assert_eq!(
        (tried[0].steps, tried[0].number, tried[1].number),
        (10, 1, 2)
    );
    assert_eq!(save(&mut compress, 1), save(&mut compress, 2));
    assert!(tried[0].zeros >= 55_323, "round(0.9 · 61,470) are pruned");
    assert!(tried[0].bytes < base.bytes / 10);
    // One-shot pruning of the same share before two epochs of training is another network of about that size.
    let mut one_shot = recipe;
    one_shot.fine_tune.as_mut().unwrap().gradual = false;
    let other = one_try(&drive(&mut compress, Command::Try(one_shot)).unwrap());
    assert!(other.zeros >= 55_323);
    assert_ne!(save(&mut compress, 3), save(&mut compress, 1));
}

#[test]
fn a_student_is_taught_and_compressed_in_turn() {
    let (mut compress, base) = trained();
    let student = Recipe {
        origin: Origin::Student,
        bits: Some(8),
        ..Recipe::default()
    };
    let error = drive(&mut compress, Command::Try(student)).unwrap_err();
    assert_eq!(error, CompressError::NoStudent);
    for taught in Student::ALL {
        let distil = DistilSettings {
            student: taught,
            lambda: 0.5,
            temperature: 4.0,
            epochs: 4,
            learning_rate: None,
            seed: 2,
        };
        let tried = one_try(&drive(&mut compress, Command::Distil(distil)).unwrap());
        let (network, parameters) = match taught {
            Student::Mlp => ("student-mlp", 25_450),
            Student::Lenet => ("student-lenet", 7_448),
        };
        assert_eq!(
            (&tried.network[..], tried.distilled),
            (network, Some(distil))
        );
        let sizes = tried.parts.iter().map(|part| u64::from(part.count));
        assert_eq!(sizes.sum::<u64>(), parameters);
        assert!(tried.bytes < base.bytes / 2);
        assert!(tried.accuracy > 0.3, "{network} {}", tried.accuracy);
        let smaller = one_try(&drive(&mut compress, Command::Try(student)).unwrap());
        assert_eq!(
            (&smaller.network[..], smaller.distilled),
            (network, Some(distil))
        );
        assert!(smaller.bytes < tried.bytes / 3);
        let bytes = save(&mut compress, smaller.number);
        let events = drive(&mut compress, Command::Load { bytes }).unwrap();
        assert!(
            matches!(&events[..], [Event::Loaded(loaded)] if loaded.same_as == Some(smaller.number))
        );
    }
}

#[test]
fn bad_requests_are_refused_and_nothing_is_lost() {
    let mut compress = Compress::new();
    assert_eq!(
        drive(&mut compress, Command::Train(settings(1))).unwrap_err(),
        CompressError::NoData
    );
    compress.provide(digits(30, 20));
    let try_it =
        |compress: &mut Compress, recipe| drive(compress, Command::Try(recipe)).unwrap_err();
    assert_eq!(
        try_it(&mut compress, Recipe::default()),
        CompressError::NoBase
    );
    let (mut compress, base) = trained();
    let one_bit = Recipe {
        bits: Some(1),
        ..Recipe::default()
    };
    assert_eq!(try_it(&mut compress, one_bit), CompressError::OneBit);
    let nine = Recipe {
        bits: Some(9),
        ..Recipe::default()
    };
    assert_eq!(
        try_it(&mut compress, nine),
        CompressError::BadBits { bits: 9 }
    );
    let all = Recipe {
        sparsity: 1.0,
        ..Recipe::default()
    };
    assert_eq!(
        try_it(&mut compress, all),
        CompressError::BadSparsity { sparsity: 1.0 }
    );
    let tune = FineTune {
        epochs: 1,
        gradual: true,
        through_quantized: false,
        learning_rate: None,
        seed: 1,
    };
    let with = |fine_tune| Recipe {
        fine_tune: Some(fine_tune),
        ..Recipe::default()
    };
    assert_eq!(
        try_it(&mut compress, with(tune)),
        CompressError::NothingToPrune
    );
    let rounded = FineTune {
        gradual: false,
        through_quantized: true,
        ..tune
    };
    assert_eq!(
        try_it(&mut compress, with(rounded)),
        CompressError::NothingToQuantize
    );
    let never = FineTune {
        epochs: 0,
        gradual: false,
        ..tune
    };
    let error = try_it(&mut compress, with(never));
    assert!(
        matches!(error, CompressError::BadEpochs { epochs: 0, .. }),
        "{error}"
    );
    let backwards = FineTune {
        gradual: false,
        learning_rate: Some(-0.1),
        ..tune
    };
    let error = try_it(&mut compress, with(backwards));
    assert!(
        matches!(error, CompressError::BadLearningRate { .. }),
        "{error}"
    );
    for (lambda, temperature) in [
        (1.5, 2.0),
        (f32::NAN, 2.0),
        (0.5, 0.0),
        (0.5, 1e-38),
        (0.5, 0.049),
        (0.5, f32::INFINITY),
    ] {
        let distil = DistilSettings {
            student: Student::Mlp,
            lambda,
            temperature,
            epochs: 1,
            learning_rate: None,
            seed: 1,
        };
        let error = drive(&mut compress, Command::Distil(distil)).unwrap_err();
        assert!(
            matches!(
                error,
                CompressError::BadLambda { .. } | CompressError::BadTemperature { .. }
            ),
            "{error}"
        );
    }
    for bytes in [Vec::new(), b"GBXC\x01".to_vec(), vec![7; 100]] {
        let load = Command::Load {
            bytes: bytes.clone(),
        };
        assert!(matches!(
            drive(&mut compress, load).unwrap_err(),
            CompressError::File(_)
        ));
        let load = Command::LoadBase { bytes };
        assert!(matches!(
            drive(&mut compress, load).unwrap_err(),
            CompressError::BadFile { .. }
        ));
    }
    let mut other = settings(1);
    for network in ["gpt-text", "lenet7", "vgg-s-bn"] {
        other.network = network.into();
        let error = drive(&mut compress, Command::Train(other.clone())).unwrap_err();
        assert!(
            matches!(error, CompressError::UnknownNetwork { .. }),
            "{error}"
        );
    }
    other.network = "lenet5-fashion".into();
    let error = drive(&mut compress, Command::Train(other)).unwrap_err();
    assert!(matches!(error, CompressError::OtherData { .. }), "{error}");
    let number = 9;
    let error = drive(&mut compress, Command::Save { number }).unwrap_err();
    assert_eq!(error, CompressError::UnknownTry { number });
    // The network as trained is still there.
    assert_eq!(save(&mut compress, 0).len() as u64, base.bytes);
}

#[test]
fn a_student_of_the_lowest_temperature_learns_without_infinite_numbers() {
    let (mut compress, _) = trained();
    let distil = DistilSettings {
        student: Student::Mlp,
        lambda: 1.0,
        temperature: 0.05,
        epochs: 2,
        learning_rate: None,
        seed: 1,
    };
    assert_eq!(distil.check(), Ok(()));
    let tried = one_try(&drive(&mut compress, Command::Distil(distil)).unwrap());
    assert!(tried.loss.is_finite() && tried.accuracy > 0.1, "{tried:?}");
}

#[test]
fn all_settings_can_be_checked_before_anything_is_done() {
    let recipe = |learning_rate| Recipe {
        fine_tune: Some(FineTune {
            epochs: 1,
            gradual: false,
            through_quantized: false,
            learning_rate,
            seed: 1,
        }),
        ..Recipe::default()
    };
    assert_eq!(recipe(None).check(), Ok(()));
    assert_eq!(recipe(Some(0.1)).check(), Ok(()));
    for rate in [-1.0, 0.0, f32::NAN, f32::INFINITY] {
        let refused = recipe(Some(rate)).check();
        let is_rate = matches!(refused, Err(CompressError::BadLearningRate { .. }));
        assert!(is_rate, "{rate}");
        let train = TrainSettings {
            learning_rate: Some(rate),
            ..settings(1)
        };
        assert!(train.check().is_err(), "{rate}");
    }
    assert_eq!(settings(1).check(), Ok(()));
    assert!(settings(0).check().is_err());
}

#[test]
fn files_are_kept_up_to_a_number_of_bytes() {
    let (mut compress, base) = trained();
    // Room for one more try, whatever it turns out to be, and not for two.
    compress.most_bytes = 2 * base.bytes;
    let quarter = Recipe {
        bits: Some(8),
        ..Recipe::default()
    };
    one_try(&drive(&mut compress, Command::Try(quarter)).unwrap());
    let error = drive(&mut compress, Command::Try(quarter)).unwrap_err();
    let CompressError::TooManyBytes { bytes, limit } = error else {
        panic!("{error}");
    };
    assert!(bytes > limit && limit == 2 * base.bytes);
    drive(&mut compress, Command::Clear).unwrap();
    one_try(&drive(&mut compress, Command::Try(quarter)).unwrap());
}

#[test]
fn work_can_be_cancelled_and_refuses_other_work_meanwhile() {
    let (mut compress, base) = trained();
    let mut events = Vec::new();
    let mut emit = |event| events.push(event);
    block_on(compress.handle(Command::Train(settings(50)), &mut emit)).unwrap();
    assert!(block_on(compress.advance(0.0, &mut emit)).unwrap());
    let busy = block_on(compress.handle(Command::Try(Recipe::default()), &mut emit));
    assert_eq!(busy.unwrap_err(), CompressError::Busy);
    block_on(compress.handle(Command::Cancel, &mut emit)).unwrap();
    assert!(!block_on(compress.advance(0.0, &mut emit)).unwrap());
    assert!(matches!(
        &events[..],
        [
            Event::Progress {
                done: 1,
                total: 250,
                ..
            },
            Event::Cancelled
        ]
    ));
    assert_eq!(save(&mut compress, 0).len() as u64, base.bytes);
}

#[test]
fn a_training_that_breaks_leaves_the_network_before_it() {
    let (mut compress, base) = trained();
    let wild = TrainSettings {
        learning_rate: Some(1e3),
        ..settings(5)
    };
    let error = drive(&mut compress, Command::Train(wild)).unwrap_err();
    assert!(matches!(error, CompressError::NonFinite { .. }), "{error}");
    assert!(!compress.is_working());
    assert_eq!(save(&mut compress, 0).len() as u64, base.bytes);
}

#[test]
fn the_loss_alone_chooses_the_largest_network() {
    // Exercise X15: argmin over d' of L(M_d', D), without a bound on size.
    let mut compress = Compress::new();
    compress.provide(digits(60, 10));
    let events = drive(&mut compress, Command::Sizes { seed: 1 }).unwrap();
    let sizes: Vec<Sized> = events
        .iter()
        .map(|event| match event {
            Event::Sized(sized) => *sized,
            event => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(sizes.len(), 6);
    assert!(sizes[..5].iter().all(|sized| !sized.is_last) && sizes[5].is_last);
    assert!(sizes.windows(2).all(|pair| pair[0].bytes < pair[1].bytes));
    let lowest = sizes
        .iter()
        .min_by(|one, other| one.loss.total_cmp(&other.loss))
        .unwrap();
    assert_eq!(lowest.width, 64, "{sizes:?}");
}

#[test]
fn what_there_is_can_be_told_again() {
    let (mut compress, base) = trained();
    let events = drive(&mut compress, Command::Recall).unwrap();
    assert!(matches!(&events[..], [Event::Base(_), Event::Tried(tried)] if **tried == base));
    assert_eq!(drive(&mut Compress::new(), Command::Recall).unwrap(), []);
}

#[test]
fn messages_travel_as_postcard() {
    let (mut compress, base) = trained();
    let commands = [
        Command::Train(settings(3)),
        Command::Try(Recipe::default()),
        Command::Load { bytes: vec![1, 2] },
    ];
    for command in commands {
        let bytes = postcard::to_allocvec(&command).unwrap();
        assert_eq!(postcard::from_bytes::<Command>(&bytes).unwrap(), command);
    }
    let mut events = vec![Event::Tried(Box::new(base))];
    events.extend(drive(&mut compress, Command::Save { number: 0 }).unwrap());
    for event in events {
        let bytes = postcard::to_allocvec(&event).unwrap();
        assert_eq!(postcard::from_bytes::<Event>(&bytes).unwrap(), event);
    }
    let error = CompressError::File(FileError::BadBits {
        tensor: "fc1.weight".into(),
        bits: 9,
    });
    let bytes = postcard::to_allocvec(&error).unwrap();
    assert_eq!(
        postcard::from_bytes::<CompressError>(&bytes).unwrap(),
        error
    );
}
