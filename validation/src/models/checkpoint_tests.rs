//! Is nothing lost on the way to a file and back, and is a file that does not fit refused, whatever is wrong with it?

use super::*;
use crate::garbled::garbled;
use crate::models::classifier::Classifier;
use sim::RandomKey;
use std::collections::HashMap;

#[test]
fn garbled_files_are_read_or_refused() {
    // The header is where a reader can go wrong: of the numbers behind it none is longer than the others.
    let whole = file(Architecture::Softmax);
    let header = 8 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    garbled(&[&whole[..header]], |bytes| {
        let bytes = [bytes, &whole[header..]].concat();
        let parameters = from_bytes(Architecture::Softmax, STANDARD, &bytes).map_err(|e| e.to_string())?;
        assert_eq!(parameters.len(), 7850);
        about(&bytes).map(drop).map_err(|e| e.to_string())
    });
}

const STANDARD: PixelScale = PixelScale::Standard;

fn parameters(architecture: Architecture) -> Vec<f32> {
    architecture.initial(RandomKey::new(9, 0))
}

fn origin() -> Value {
    json!({ "arguments": { "data": "a 'file'" }, "seed": u64::MAX })
}

fn file(architecture: Architecture) -> Vec<u8> {
    to_bytes(architecture, STANDARD, &parameters(architecture), origin())
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
        let bytes = to_bytes(architecture, STANDARD, &parameters, origin());
        let back = from_bytes(architecture, STANDARD, &bytes).unwrap();
        assert!(parameters.iter().map(|x| x.to_bits()).eq(back.iter().map(|x| x.to_bits())), "{architecture}");
        assert_eq!(bytes, to_bytes(architecture, STANDARD, &parameters, origin()));
    }
}

#[test]
fn pixels_are_scaled_as_those_that_were_learnt_from() {
    let classifier = |pixels, moments: Value| {
        let bytes = to_bytes(Architecture::Softmax, pixels, &parameters(Architecture::Softmax), moments);
        Classifier::from_bytes(&bytes)
    };
    let pixels: Vec<f32> = (0..28 * 28).map(|i| (i % 7) as f32 / 7.0).collect();
    let moments = json!({ "moments": [{ "mean": 0.5, "sd": 0.25 }] });
    let ours = classifier(STANDARD, moments).unwrap().logits(&pixels);
    let scaled: Vec<f32> = pixels.iter().map(|pixel| (pixel - 0.5) / 0.25).collect();
    let right = classifier(PixelScale::Unit, json!({})).unwrap().logits(&scaled);
    assert!(ours.iter().zip(&right).all(|(ours, right)| (ours - right).abs() < 1e-4), "{ours:?}, {right:?}");
    // Files that do not say it are of the digits.
    let digits = json!({ "moments": [{ "mean": 0.1307, "sd": 0.3081 }] });
    assert_eq!(
        classifier(STANDARD, json!({})).unwrap().logits(&pixels),
        classifier(STANDARD, digits).unwrap().logits(&pixels)
    );
    for wrong in [json!([]), json!([{ "mean": 0.5, "sd": 0.0 }]), json!("0.5"), json!([[0.5, 0.25], [0.5, 0.25]])] {
        assert!(classifier(STANDARD, json!({ "moments": wrong })).is_err(), "{wrong}");
    }
}

#[test]
fn names_and_shapes_are_pytorchs() {
    for architecture in Architecture::ALL {
        let count: usize = tensors(architecture).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(count, architecture.parameters());
    }
    let named = |architecture| -> Vec<String> {
        tensors(architecture).into_iter().map(|(name, shape)| format!("{name} {shape:?}")).collect()
    };
    let expected = "conv1.weight [16, 1, 5, 5]; conv1.bias [16]; conv2.weight [64, 16, 5, 5]; conv2.bias [64]; \
                    fc1.weight [32, 64]; fc1.bias [32]; fc2.weight [10, 32]; fc2.bias [10]";
    assert_eq!(named(Architecture::Lenet).join("; "), expected);
    // torchvision's numbers of the convolutions.
    let vgg = named(Architecture::Vgg11);
    let weights: Vec<_> = vgg.iter().filter_map(|name| name.split_once(".weight")).map(|(name, _)| name).collect();
    let expected = [0, 3, 6, 8, 11, 13, 16, 18].map(|number| format!("features.{number}"));
    assert!(weights[..8] == expected && weights[8..] == ["classifier"], "{weights:?}");
}

#[test]
fn a_file_holds_the_flat_vector_with_outputs_first() {
    let parameters = parameters(Architecture::Softmax);
    let pieces = pieces(Architecture::Softmax);
    let (weight, _) = pieces[0].2.as_chunks();
    for (i, &number) in weight.iter().enumerate() {
        let (class, pixel) = (i / 784, i % 784);
        assert_eq!(f32::from_le_bytes(number), parameters[pixel * 10 + class]);
    }
}

/// The file of the first edition: inputs first, other names.
fn first_format(architecture: Architecture, metadata: bool) -> Vec<u8> {
    let inputs_first = |(name, shape, data): (String, Vec<usize>, Vec<u8>)| {
        let number = |at: usize| <[u8; 4]>::try_from(&data[4 * at..][..4]).unwrap();
        let (shape, data): (_, Vec<[u8; 4]>) = match shape[..] {
            [outputs, inputs] => {
                let places = (0..inputs).flat_map(|input| (0..outputs).map(move |output| output * inputs + input));
                (vec![inputs, outputs], places.map(number).collect())
            }
            [outputs, inputs, 5, 5] => {
                let place = |at: usize| {
                    let (kernel, input, output) = (at / (inputs * outputs), at / outputs % inputs, at % outputs);
                    (output * inputs + input) * 25 + kernel
                };
                (vec![5, 5, inputs, outputs], (0..25 * inputs * outputs).map(place).map(number).collect())
            }
            _ => (shape.clone(), (0..shape[0]).map(number).collect()),
        };
        (name.replace("fc", "linear"), shape, data.concat())
    };
    let pieces: Vec<_> = pieces(architecture).into_iter().map(inputs_first).collect();
    let views =
        pieces.iter().map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    let about = json!({ "format": 1, "model": architecture.to_string(), "pixels": "standard" }).to_string();
    safetensors::serialize(views, metadata.then(|| HashMap::from([(ABOUT.to_string(), about)]))).unwrap()
}

#[test]
fn files_of_the_first_format_are_read() {
    for architecture in Architecture::ALL.into_iter().filter(|&architecture| architecture != Architecture::Vgg11) {
        for metadata in [true, false] {
            let read = from_bytes(architecture, STANDARD, &first_format(architecture, metadata));
            assert_eq!(read, Ok(parameters(architecture)), "{architecture}");
        }
    }
}

#[test]
fn a_file_says_where_it_comes_from() {
    let bytes = to_bytes(Architecture::Mlp, STANDARD, &parameters(Architecture::Mlp), origin());
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let about: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["straggle"]).unwrap();
    assert_eq!(about["model"], json!("mlp"));
    assert_eq!(about["seed"], json!(u64::MAX));
    assert_eq!(about["arguments"]["data"], json!("a 'file'"));
    assert_eq!(about["format"], json!(FORMAT));
    assert!(about["weights"].as_str().unwrap().contains("[outputs, inputs]"));
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
        let (with, without) = (file(of), put_together(&pieces(of), Dtype::F32));
        for to in Architecture::ALL.into_iter().filter(|&to| to != of) {
            let error = CheckpointError::Model { found: of.to_string(), expected: to };
            assert_eq!(from_bytes(to, STANDARD, &with), Err(error));
            assert!(from_bytes(to, STANDARD, &without).is_err(), "{of} as {to}");
        }
    }
}

#[test]
fn a_file_that_learnt_from_other_pixels_is_refused_by_its_metadata() {
    for (of, to) in [(PixelScale::Standard, PixelScale::Unit), (PixelScale::Unit, PixelScale::Standard)] {
        let bytes = to_bytes(Architecture::Softmax, of, &parameters(Architecture::Softmax), origin());
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
    let (weight, bias) = ("fc1.weight".to_string(), "fc1.bias".to_string());
    assert_eq!(
        changed(|pieces| pieces[0].1.reverse()),
        CheckpointError::Shape { name: weight.clone(), found: vec![784, 10], expected: vec![10, 784] }
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
