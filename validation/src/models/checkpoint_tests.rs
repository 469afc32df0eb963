//! Is nothing lost on the way to a file and back, and is a file that does not fit refused, whatever is wrong with it?

use super::*;
use sim::RandomKey;

const STANDARD: PixelScale = PixelScale::Standard;

fn parameters(architecture: Architecture) -> Vec<f32> {
    architecture.initial(RandomKey::new(9, 0))
}

fn file(architecture: Architecture) -> Vec<u8> {
    to_bytes(architecture, STANDARD, &parameters(architecture), "straggle train", 9)
}

type Pieces = Vec<(String, Vec<usize>, Vec<u8>)>;

/// The tensors of a network, to be changed before they become a file without metadata.
fn pieces(architecture: Architecture) -> Pieces {
    let bytes = file(architecture);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let piece = |(name, shape): (String, Vec<usize>)| {
        let data = file.tensor(&name).unwrap().data().to_vec();
        (name, shape, data)
    };
    tensors(architecture).into_iter().map(piece).collect()
}

fn put_together(pieces: &Pieces, dtype: Dtype) -> Vec<u8> {
    let views = pieces.iter().map(|(name, shape, data)| (name, TensorView::new(dtype, shape.clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn parameters_survive_the_way_into_a_file_and_back_to_the_bit() {
    for architecture in Architecture::ALL {
        let mut parameters = parameters(architecture);
        parameters[..4].copy_from_slice(&[-0.0, f32::MIN_POSITIVE / 2.0, f32::MAX, -f32::EPSILON]);
        let bytes = to_bytes(architecture, STANDARD, &parameters, "straggle train --save 'a file'", u64::MAX);
        let back = from_bytes(architecture, STANDARD, &bytes).unwrap();
        assert!(parameters.iter().map(|x| x.to_bits()).eq(back.iter().map(|x| x.to_bits())), "{architecture}");
        assert_eq!(bytes, to_bytes(architecture, STANDARD, &parameters, "straggle train --save 'a file'", u64::MAX));
    }
}

#[test]
fn the_tensors_are_the_flat_vector_cut_to_pieces() {
    for architecture in Architecture::ALL {
        let count: usize = tensors(architecture).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(count, architecture.parameters());
        let together: Vec<u8> = pieces(architecture).into_iter().flat_map(|(_, _, data)| data).collect();
        assert!(together.iter().copied().eq(parameters(architecture).iter().flat_map(|x| x.to_le_bytes())));
    }
    let shapes: Vec<_> =
        tensors(Architecture::Lenet).into_iter().map(|(name, shape)| format!("{name} {shape:?}")).collect();
    let expected = "conv1.weight [5, 5, 1, 16]; conv1.bias [16]; conv2.weight [5, 5, 16, 64]; conv2.bias [64]; \
                    linear1.weight [64, 32]; linear1.bias [32]; linear2.weight [32, 10]; linear2.bias [10]";
    assert_eq!(shapes.join("; "), expected);
}

#[test]
fn a_file_says_where_it_comes_from() {
    let bytes = to_bytes(Architecture::Mlp, STANDARD, &parameters(Architecture::Mlp), "straggle train --model mlp", 7);
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let about: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["straggle"]).unwrap();
    assert_eq!(about["model"], json!("mlp"));
    assert_eq!(about["seed"], json!(7));
    assert_eq!(about["command_line"], json!("straggle train --model mlp"));
    assert_eq!(about["format"], json!(1));
    assert!(about["weights"].as_str().unwrap().contains("[inputs, outputs]"));
}

#[test]
fn a_file_of_another_make_will_do_if_its_tensors_fit() {
    for architecture in Architecture::ALL {
        let bytes = put_together(&pieces(architecture), Dtype::F32);
        assert_eq!(from_bytes(architecture, STANDARD, &bytes), Ok(parameters(architecture)));
    }
}

#[test]
fn a_file_of_another_network_is_refused_with_its_metadata_and_without() {
    for of in Architecture::ALL {
        for to in Architecture::ALL.into_iter().filter(|&to| to != of) {
            let error = CheckpointError::Model { found: of.to_string(), expected: to };
            assert_eq!(from_bytes(to, STANDARD, &file(of)), Err(error));
            assert!(from_bytes(to, STANDARD, &put_together(&pieces(of), Dtype::F32)).is_err(), "{of} as {to}");
        }
    }
}

#[test]
fn a_file_that_learnt_from_other_pixels_is_refused_by_its_metadata() {
    for (of, to) in [(PixelScale::Standard, PixelScale::Unit), (PixelScale::Unit, PixelScale::Standard)] {
        let bytes = to_bytes(Architecture::Softmax, of, &parameters(Architecture::Softmax), "straggle train", 9);
        assert!(from_bytes(Architecture::Softmax, of, &bytes).is_ok());
        let error = CheckpointError::Pixels { found: of.to_string(), expected: to };
        assert_eq!(from_bytes(Architecture::Softmax, to, &bytes), Err(error));
    }
}

#[test]
fn a_file_that_ends_anywhere_else_is_refused() {
    let whole = file(Architecture::Softmax);
    for length in (0..whole.len()).step_by(997).chain([1, 7, 8, 9, whole.len() - 1]) {
        assert!(from_bytes(Architecture::Softmax, STANDARD, &whole[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(from_bytes(Architecture::Softmax, STANDARD, &whole[..whole.len() - 1]), Err(CheckpointError::Cut));
    assert_eq!(from_bytes(Architecture::Softmax, STANDARD, &[&whole[..], &[0]].concat()), Err(CheckpointError::Cut));
}

#[test]
fn each_thing_that_does_not_fit_is_named() {
    let softmax = Architecture::Softmax;
    let changed = |change: fn(&mut Pieces)| {
        let mut pieces = pieces(softmax);
        change(&mut pieces);
        from_bytes(softmax, STANDARD, &put_together(&pieces, Dtype::F32)).unwrap_err()
    };
    let (weight, bias) = ("linear1.weight".to_string(), "linear1.bias".to_string());
    assert_eq!(
        changed(|pieces| pieces[0].1.reverse()),
        CheckpointError::Shape { name: weight.clone(), found: vec![10, 784], expected: vec![784, 10] }
    );
    let missing = changed(|pieces| drop(pieces.pop()));
    assert_eq!(missing, CheckpointError::Missing { name: bias.clone(), architecture: softmax });
    let surplus = changed(|pieces| pieces.push(("extra".into(), vec![0], vec![])));
    assert_eq!(surplus, CheckpointError::Surplus { name: "extra".into(), architecture: softmax });
    for (number, at) in [(f32::NAN, 3), (f32::INFINITY, 0), (f32::NEG_INFINITY, 9)] {
        let mut pieces = pieces(softmax);
        pieces[1].2[at * 4..][..4].copy_from_slice(&number.to_le_bytes());
        let error = from_bytes(softmax, STANDARD, &put_together(&pieces, Dtype::F32)).unwrap_err();
        let CheckpointError::NotFinite { name, place, found } = error else { panic!("{error}") };
        assert_eq!((name, place, found.to_bits()), (bias.clone(), at, number.to_bits()));
    }
    let integers = put_together(&pieces(softmax), Dtype::I32);
    assert_eq!(
        from_bytes(softmax, STANDARD, &integers),
        Err(CheckpointError::Type { name: weight, found: "I32".into() })
    );
    let later = HashMap::from([(ABOUT.to_string(), json!({ "format": FORMAT + 1 }).to_string())]);
    let nothing: [(&str, TensorView<'_>); 0] = [];
    let later = safetensors::serialize(nothing, Some(later)).unwrap();
    assert_eq!(from_bytes(softmax, STANDARD, &later), Err(CheckpointError::Later { format: FORMAT + 1 }));
    let text = from_bytes(softmax, STANDARD, b"step_time_s\n0.5\n").unwrap_err();
    assert!(matches!(text, CheckpointError::Foreign { .. }), "{text}");
}
