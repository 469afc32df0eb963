//! The same run again: from a manifest, from a file of options; and as a document with a schema.

mod common;

use common::{Place, straggle};
use serde_json::{Value, json};

#[test]
fn a_replay_leaves_the_same_bytes_or_says_what_differs() {
    let place = Place::new().with("steps.csv", "step_time_s\n0.5\n0.7\n0.6\n");
    let words = "--step-time trace(steps.csv) --delay exp(9) --policies sync,ssp:1 --workers 2,3 --updates 60 --seed 5";
    place.simulate(words).succeeds();
    let replay = |place: &Place| straggle().inside(place.path()).words("replay output/simulate/manifest.json");
    replay(&place).succeeds().prints("the same 4 files, byte for byte").is_silent();
    let place = place.with("steps.csv", "step_time_s\n0.5\n0.7\n");
    replay(&place).fails(1).in_one_sentence().says("4 of 4 files differ").says("steps.csv has changed");
}

#[test]
fn a_file_of_options_is_as_good_as_typing_and_what_is_typed_wins() {
    let config = "max_workers = 3\npolicies = [\"sync\", \"async\"]\nlambda = 0.5\nupdates = 50\nquiet = true\n";
    let place = Place::new().with("c.toml", config);
    place.simulate("--config c.toml").succeeds().is_silent();
    let typed = Place::new();
    typed.simulate("--max-workers 3 --policies sync,async --lambda 0.5 --updates 50").succeeds();
    assert_eq!(place.rows(), typed.rows());
    // One that excludes another is typed: the other does not count.
    place.simulate("--config c.toml --step-time constant(1) --policies sync").succeeds();
    assert_eq!(place.rows()[0].text("step_time"), "constant(1)");
    assert_eq!(place.rows().len(), 3);
    for (text, part) in [
        ("lamda = 2", "c.toml has 'lamda', which is no option of straggle simulate; did you mean 'lambda'?"),
        ("lambda = 0", "'0' is not a positive, finite rate"),
        ("lambda 2", "line 1 of c.toml is no TOML"),
    ] {
        let place = Place::new().with("c.toml", text);
        let said = place.simulate("--config c.toml").runs();
        assert!([Some(2), Some(3)].contains(&said.status), "{said}");
        said.in_one_sentence().says(part);
    }
}

/// What a schema asks of a value, as far as ours do: types, properties, items, references.
fn conforms(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let definition = root.pointer(reference.trim_start_matches('#')).ok_or(format!("no {reference}"))?;
        return conforms(value, definition, root);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let is = |name: &&str| match *name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("a type {other}"),
    };
    if !types.iter().any(is) {
        return Err(format!("{value} is none of {types:?}"));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        match value.get(name) {
            Some(value) => conforms(value, property, root).map_err(|e| format!("{name}: {e}"))?,
            None if schema["required"].as_array().is_some_and(|all| all.contains(&json!(name))) => {
                return Err(format!("{name} is missing"));
            }
            None => {}
        }
    }
    if schema["additionalProperties"] == json!(false) {
        let known = |name: &String| schema["properties"].get(name).is_some();
        if let Some(unknown) = value.as_object().into_iter().flatten().map(|(name, _)| name).find(|name| !known(name)) {
            return Err(format!("{unknown} is not in the schema"));
        }
    }
    value.as_array().into_iter().flatten().try_for_each(|item| conforms(item, &schema["items"], root))
}

#[test]
fn the_document_conforms_to_its_schema_and_holds_the_rows() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/straggle.schema.json");
    let schema: Value = serde_json::from_slice(&common::read(path.as_ref())).expect("JSON");
    let place = Place::new();
    let said = place.simulate("--max-workers 3 --updates 50 --learner quadratic(1,1,0.05) --json --quiet").succeeds();
    let document = said.is_silent().json();
    conforms(&document, &schema, &schema).expect("as the schema says");
    let broken = json!({ "command": 1 });
    assert!(conforms(&broken, &schema, &schema).is_err(), "or this test could not fail");
    let rows = document["tables"]["iteration_times"].as_array().expect("rows");
    assert_eq!(rows.len(), 6);
    for (row, csv) in rows.iter().zip(place.rows()) {
        assert_eq!(row["policy"], csv.text("policy"));
        assert_eq!(row["mean_s"].as_f64(), Some(csv.number("mean_s")));
    }
    assert_eq!((&document["complete"], &document["error"]), (&json!(true), &json!(null)));
    assert_eq!(document["arguments"], place.manifest()["arguments"]);
}
