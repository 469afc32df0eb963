//! Rows and tables: a struct is a row, its fields are the columns, as CSV and as JSON.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::value::Error as Asked;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde_json::{Map, Value};

/// A kind of row, in a file of its own: the header is the names of its fields.
pub trait Row: Serialize + DeserializeOwned + JsonSchema {
    /// The name of the file, without `.csv`.
    const TABLE: &'static str;
}

/// A table by its name, and what its rows look like.
pub struct Table {
    /// The name of its file, without `.csv`.
    pub name: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Table {
    /// The table of these rows.
    pub const fn of<R: Row>() -> Table {
        Table { name: R::TABLE, schema: |generator| generator.subschema_for::<R>() }
    }

    /// The schema of a row.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.schema)(generator)
    }
}

/// The tables of a run, as CSV and, if asked for, as JSON.
pub struct Tables {
    /// The files, by the names of their tables.
    pub csv: Vec<(&'static str, Vec<u8>)>,
    /// The rows, by the names of their tables.
    pub json: Option<Map<String, Value>>,
}

impl Tables {
    /// No tables yet.
    pub fn new(as_json: bool) -> Tables {
        Tables { csv: Vec::new(), json: as_json.then(Map::new) }
    }

    /// Adds a table. Numbers print as the shortest text that reads back as the same number; what is missing, or is no
    /// number, is an empty field.
    pub fn add<R: Row>(&mut self, rows: impl IntoIterator<Item = R>) {
        const IN_MEMORY: &str = "writing to memory does not fail";
        let columns = columns::<R>();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(columns).expect(IN_MEMORY);
        let mut kept = Vec::new();
        for row in rows {
            let row = serde_json::to_value(row).expect("a row is plain data");
            writer.write_record(columns.iter().map(|column| field(&row[column]))).expect(IN_MEMORY);
            if self.json.is_some() {
                kept.push(row);
            }
        }
        self.csv.push((R::TABLE, writer.into_inner().expect(IN_MEMORY)));
        if let Some(json) = &mut self.json {
            json.insert(R::TABLE.to_string(), Value::Array(kept));
        }
    }
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or(f64::NAN).to_string(),
        other => other.to_string(),
    }
}

/// The names of a row's fields, in their order: a row that is to be read asks for them.
fn columns<R: Row>() -> &'static [&'static str] {
    let mut names: &[&str] = &[];
    let _ = R::deserialize(Names(&mut names));
    names
}

/// Reads nothing, and remembers which fields were asked for.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked::custom("a row is a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Asked> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Point {
        name: String,
        x: f64,
        y: Option<f64>,
        n: u64,
    }

    impl Row for Point {
        const TABLE: &'static str = "points";
    }

    #[test]
    fn a_table_has_its_header_even_without_rows_and_numbers_read_back() {
        let mut tables = Tables::new(true);
        tables.add(Vec::<Point>::new());
        let point = |x, y| Point { name: "a,b".into(), x, y, n: u64::MAX };
        tables.add([point(0.1 + 0.2, None), point(1.0, Some(f64::NAN)), point(1e-7, Some(-2.5e300))]);
        let text = |i: usize| String::from_utf8(tables.csv[i].1.clone()).expect("UTF-8");
        assert_eq!(text(0), "name,x,y,n\n");
        let large = format!("-25{}", "0".repeat(299));
        let rows = ["\"a,b\",0.30000000000000004,,N", "\"a,b\",1,,N", &format!("\"a,b\",0.0000001,{large},N")];
        assert_eq!(text(1), format!("name,x,y,n\n{}\n", rows.join("\n")).replace(",N", ",18446744073709551615"));
        assert_eq!(tables.json.expect("as JSON")["points"][0]["x"], 0.1 + 0.2);
    }
}
