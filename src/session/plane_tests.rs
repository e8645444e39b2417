use super::*;

/// Numbers in [−1, 1) that look random.
fn noise(seed: u8) -> impl FnMut() -> f64 {
    let mut random = ChaCha8Rng::from_seed([seed; 32]);
    move || f64::from(random.next_u32()) / 2_147_483_648.0 - 1.0
}

/// Paths that drift along a direction of their own and tremble.
fn wandering(lanes: usize, places: usize, weights: usize, seed: u8) -> Vec<Track> {
    let mut next = noise(seed);
    let start: Vec<f64> = (0..weights).map(|_| next()).collect();
    (0..lanes)
        .map(|_| {
            let drift: Vec<f64> = (0..weights).map(|_| 0.02 * next()).collect();
            let mut track = Track::new(1, weights);
            let mut place = start.clone();
            for number in 0..places {
                let values: Vec<f32> = place.iter().map(|value| *value as f32).collect();
                track.push(number as u32, [&values[..]].into_iter());
                for (value, drift) in place.iter_mut().zip(&drift) {
                    *value += drift + 0.01 * next();
                }
            }
            track
        })
        .collect()
}

fn fit(tracks: &[Track]) -> Option<Plane> {
    let mut fit = PlaneFit::new(tracks);
    loop {
        // A piece at a time.
        if let Fitted::Done(plane) = fit.advance(tracks, 0.0) {
            return plane;
        }
    }
}

/// Of all places: the share of their squared distances from the start along each direction, and the rest.
fn shares(plane: &Plane, tracks: &[Track]) -> [f64; 2] {
    let sums = tracks.iter().map(|track| plane.project(track).squares);
    let (all, along) = sums.fold((0.0, [0.0; 2]), |(all, [a, b]), (more, [c, d])| {
        (all + more, [a + c, b + d])
    });
    along.map(|along| along / all)
}

fn assert_orthonormal(plane: &Plane) {
    let [a, b] = &plane.directions;
    for (found, expected) in [(dot(a, a), 1.0), (dot(b, b), 1.0), (dot(a, b), 0.0)] {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}

/// The largest eigenvalues of the sum of squares over all places, found another way: by powers of the matrix over the
/// weights, with the first taken out for the second.
fn by_powers(tracks: &[Track]) -> ([f64; 2], f64) {
    let start = tracks[0].place(0);
    let weights = start.len();
    let mut matrix = vec![vec![0.0; weights]; weights];
    for place in tracks.iter().flat_map(Track::places) {
        let d: Vec<f64> = place
            .iter()
            .zip(start)
            .map(|(a, b)| f64::from(*a) - f64::from(*b))
            .collect();
        for (row, a) in matrix.iter_mut().zip(&d) {
            for (entry, b) in row.iter_mut().zip(&d) {
                *entry += a * b;
            }
        }
    }
    let trace = (0..weights).map(|at| matrix[at][at]).sum();
    let values = [0, 1].map(|_| {
        let mut vector = vec![1.0; weights];
        vector[0] = 2.0;
        let mut value = 0.0;
        for _ in 0..5_000 {
            let image: Vec<f64> = matrix.iter().map(|row| dot(row, &vector)).collect();
            value = dot(&image, &image).sqrt();
            vector = image.iter().map(|entry| entry / value).collect();
        }
        for (row, a) in matrix.iter_mut().zip(&vector) {
            for (entry, b) in row.iter_mut().zip(&vector) {
                *entry -= value * a * b;
            }
        }
        value
    });
    (values, trace)
}

#[test]
fn the_plane_holds_the_two_largest_shares() {
    for (lanes, places, weights) in [(1, 9, 3), (3, 40, 17), (8, 66, 30)] {
        // Every place counts for the fit.
        let tracks = wandering(lanes, places, weights, 3);
        let plane = fit(&tracks).expect("they move");
        assert_orthonormal(&plane);
        let (values, trace) = by_powers(&tracks);
        for (found, value) in shares(&plane, &tracks).into_iter().zip(values) {
            assert!((0.0..=1.0).contains(&found), "{found}");
            assert!(
                (found - value / trace).abs() < 1e-9,
                "{found} {}",
                value / trace
            );
        }
        // A control: another plane holds less.
        let mut other = plane.clone();
        other.directions[0].rotate_right(1);
        assert!(shares(&other, &tracks)[0] < shares(&plane, &tracks)[0] - 1e-3);
    }
}

#[test]
fn the_plane_of_two_weights_is_the_plane_of_two_weights() {
    let tracks = wandering(4, 50, 2, 5);
    let plane = fit(&tracks).expect("they move");
    assert_orthonormal(&plane);
    let [a, b] = shares(&plane, &tracks);
    assert!((a + b - 1.0).abs() < 1e-12 && a >= b, "{a} {b}");
    for track in &tracks {
        let projected = plane.project(track);
        assert!(projected.off < 1e-12, "{}", projected.off);
        for (along, place) in projected.places.iter().zip(track.places()) {
            let there = plane.weights(*along);
            for (there, place) in there.iter().zip(place) {
                assert!((there - place).abs() <= f32::EPSILON, "{there} {place}");
            }
        }
    }
}

#[test]
fn the_foot_of_a_place_is_the_nearest_point_of_the_plane() {
    let tracks = wandering(3, 30, 12, 7);
    let plane = fit(&tracks).expect("they move");
    for track in &tracks {
        let projected = plane.project(track);
        let along = *projected.places.last().expect("places");
        let distance = |along| squared_distance(&plane.weights(along), track.end()).sqrt();
        assert!((distance(along) - projected.off).abs() < 1e-6);
        for by in [[1e-2, 0.0], [-1e-2, 0.0], [0.0, 1e-2], [0.0, -1e-2]] {
            assert!(distance([along[0] + by[0], along[1] + by[1]]) > projected.off);
        }
        let [a, b] = along;
        let whole = (a * a + b * b + projected.off.powi(2)).sqrt();
        assert!((projected.travelled - whole).abs() < 1e-9 * whole);
        assert_eq!(projected.places[0], [0.0, 0.0]);
    }
}

#[test]
fn paths_on_a_line_have_a_plane_and_paths_that_stand_still_have_none() {
    let mut line = Track::new(1, 5);
    for number in 0..4 {
        let along = number as f32;
        line.push(
            number,
            [&[along, 0.0, 2.0 * along, 0.0][..], &[1.0]].into_iter(),
        );
    }
    let plane = fit(std::slice::from_ref(&line)).expect("it moves");
    assert_orthonormal(&plane);
    let [a, b] = shares(&plane, &[line]);
    assert!((a - 1.0).abs() < 1e-12 && b.abs() < 1e-12, "{a} {b}");
    let mut still = Track::new(1, 5);
    for number in 0..4 {
        still.push(number, [&[0.5_f32; 5][..]].into_iter());
    }
    assert!(fit(&[still]).is_none());
}

#[test]
fn a_path_that_flies_away_does_not_turn_the_plane() {
    let mut tracks = wandering(3, 30, 12, 9);
    let quiet = fit(&tracks).expect("they move");
    let mut away = Track::new(1, 12);
    let start = tracks[0].place(0).to_vec();
    away.push(0, [&start[..]].into_iter());
    let far: Vec<f32> = start.iter().map(|value| value + 1e6).collect();
    away.push(1, [&far[..]].into_iter());
    away.push(2, [&[f32::NAN; 12][..]].into_iter());
    assert_eq!((away.places().len(), away.last), (2, 1), "NaN is no place");
    tracks.push(away);
    let plane = fit(&tracks).expect("they move");
    assert_eq!(plane.directions, quiet.directions);
    assert_eq!(plane.project(&tracks[3]).near, 1);
}

#[test]
fn paths_keep_as_many_places_as_memory_allows() {
    // The race on the page: every update of 257 weights.
    assert_eq!(spacing(257, 8, 700), Some(1));
    for (weights, lanes, steps) in [(257, 8, 5_000), (4_417, 8, 700), (4_417, 16, 10_000)] {
        let every = spacing(weights, lanes, steps).expect("it is small enough");
        assert!(every > 1);
        let places = u64::from(steps / every) + 2;
        assert!(places * weights * lanes <= MOST_NUMBERS, "{places} places");
        assert!(places >= FEWEST_PLACES);
    }
    assert_eq!(spacing(61_706, 8, 700), None);
    assert_eq!(spacing(u64::from(u32::MAX), 1, 1), None);
    // Few updates need no more places than they are.
    assert_eq!(spacing(61_706, 8, 5), Some(1));
}
