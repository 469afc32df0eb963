//! A number for each device, from a table of devices: how fast it is, or how long its delay is.

use super::refusal::{Refusal, clip, some_of};
use super::sheet::{Cell, Sheet, delimited};
use super::source;
use super::units::{Unit, words};
use crate::manifest;
use sim::Law;
use std::fmt;
use std::str::FromStr;

/// A table of devices, and which of its columns; typed `FILE.csv`, or `FILE.csv,COLUMN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerDevice {
    file: String,
    column: Option<String>,
}

/// How files of separated values are called.
const ENDINGS: [&str; 3] = [".csv", ".tsv", ".txt"];

impl FromStr for PerDevice {
    type Err = ();

    /// Whatever has the ending of a table and is no law.
    fn from_str(text: &str) -> Result<PerDevice, ()> {
        let (file, column) = match text.split_once(',') {
            Some((file, column)) => (file.trim(), Some(column.trim().to_string()).filter(|name| !name.is_empty())),
            None => (text.trim(), None),
        };
        let is_table = ENDINGS.iter().any(|ending| file.to_lowercase().ends_with(ending)) && !file.contains('(');
        is_table.then(|| PerDevice { file: file.to_string(), column }).ok_or(())
    }
}

impl fmt::Display for PerDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.column.as_ref().map_or(Ok(()), |column| write!(f, ",{column}"))
    }
}

/// What was read.
pub struct Devices<T> {
    /// Of each device, in the order of the rows.
    pub values: Vec<T>,
    /// The file.
    pub file: manifest::File,
    /// What a reader should know.
    pub note: Option<String>,
}

impl PerDevice {
    /// Speeds, positive numbers.
    ///
    /// # Errors
    /// [`Refusal`] of what is no table, has no such column, or a row without a speed.
    pub fn speeds(&self) -> Result<Devices<f64>, Refusal> {
        self.read(&["speed", "speeds"], |cell, _| match cell {
            Cell::Number(speed, None) if (1e-9..=1e9).contains(&speed) => Some(speed),
            _ => None,
        })
        .map_err(|refusal| self.says(refusal, "is not a speed, a number from 1e-9 to 1e9"))
        .map(|(values, _, file)| Devices { values, file, note: None })
    }

    /// Delays that are the same in every step of a device, in the unit of the cell, or as typed, or of the column's name.
    ///
    /// # Errors
    /// As of [`speeds`](PerDevice::speeds).
    pub fn delays(&self, typed: Option<Unit>) -> Result<Devices<Law>, Refusal> {
        let (values, column, file) = self
            .read(&["delay", "delays", "latency"], |cell, name| {
                let unit = |own: Option<Unit>| own.or(typed).or(Unit::of_name(name)).unwrap_or(Unit::S);
                match cell {
                    Cell::Number(delay, own) if delay >= 0.0 && delay.is_finite() => {
                        Some((Law::Constant { value: unit(own).to_seconds(delay) }, own))
                    }
                    _ => None,
                }
            })
            .map_err(|refusal| self.says(refusal, "is not a delay, a time of 0 or more"))?;
        let named = typed.is_some() || Unit::of_name(&column).is_some() || values.iter().all(|(_, own)| own.is_some());
        let assumed = || {
            format!(
                "{}: the delays have no unit, and are taken for seconds; type --unit ms, for example",
                clip(&self.file)
            )
        };
        let note = (!named).then(assumed);
        Ok(Devices { values: values.into_iter().map(|(law, _)| law).collect(), file, note })
    }

    /// The rows of the column, its name, and the file; or the first line that has no such value.
    fn read<T>(
        &self,
        usual: &[&str],
        value: impl Fn(Cell, &str) -> Option<T>,
    ) -> Result<(Vec<T>, String, manifest::File), Refusal> {
        let source = source::read(&self.file, source::LONGEST)?;
        let at = |refusal: Refusal| refusal.of(&clip(&self.file));
        let sheet = delimited(&source.text).map_err(at)?;
        let column = self.choose(&sheet, usual).map_err(at)?;
        sheet.sure(column).map_err(at)?;
        let name = sheet.names[column].clone();
        let row = |(&cell, &line): (&Cell, &u64)| {
            value(cell, &name).ok_or_else(|| at(Refusal::new(format!("'{}'", clip(&sheet.text(cell))), "").at(line)))
        };
        let values = sheet.columns[column].iter().zip(&sheet.lines).map(row).collect::<Result<Vec<T>, Refusal>>()?;
        Ok((values, name, source.listed(&self.file)))
    }

    /// The column that was typed, or the only one, or the only one that is called so.
    fn choose(&self, sheet: &Sheet, usual: &[&str]) -> Result<usize, Refusal> {
        if let Some(name) = &self.column {
            return sheet.wanted(name);
        }
        let called = |column: &usize| words(&sheet.names[*column]).iter().any(|word| usual.contains(&word.as_str()));
        let called: Vec<usize> = (0..sheet.names.len()).filter(called).collect();
        match (sheet.names.len(), &called[..]) {
            (1, _) => Ok(0),
            (_, &[only]) => Ok(only),
            _ => Err(Refusal::new(
                format!("has the columns {}", some_of(sheet.names.iter().map(String::as_str))),
                format!("say which one has the {}s: {},COLUMN", usual[0], clip(&self.file)),
            )),
        }
    }

    /// A cell's refusal with what it should be.
    fn says(&self, refusal: Refusal, what: &str) -> Refusal {
        match refusal.advice.is_empty() {
            true => Refusal {
                reason: format!("{} {what}", refusal.reason),
                advice: "give every row one".to_string(),
                ..refusal
            },
            false => refusal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        (place, path.display().to_string())
    }

    #[test]
    fn a_table_is_told_from_a_list_and_from_a_law() {
        let of = |text: &str| text.parse::<PerDevice>().map(|table| table.to_string());
        assert_eq!(of("devices.csv"), Ok("devices.csv".to_string()));
        assert_eq!(of("devices.csv, speed"), Ok("devices.csv,speed".to_string()));
        for other in ["1,0.5", "trace(steps.csv, time_s)", "exp(2)", "none", "devices"] {
            assert_eq!(of(other), Err(()), "{other}");
        }
    }

    #[test]
    fn garbled_tables_are_read_or_refused() {
        let (_place, path) = file("d.csv", "");
        let tables: [PerDevice; 2] = [format!("{path},speed"), path.clone()].map(|text| text.parse().unwrap());
        let samples: [&[u8]; 3] = [
            b"device,speed,delay_ms\na,1,5\nb,0.5,2.5\n",
            b"speed\n1\n2e3\n",
            b"id;speed;rtt\n\"a;b\";1,5;3 ms\n2;1;4us\n",
        ];
        crate::garbled::garbled(&samples, |bytes| {
            std::fs::write(&path, bytes).unwrap();
            let refused = |refusal: Refusal| refusal.to_string().replace(&path, "D");
            for table in &tables {
                let delays = table.delays(None).map_err(refused);
                let speeds = table.speeds().map_err(refused)?;
                assert!(speeds.values.iter().all(|speed| *speed > 0.0 && speed.is_finite()));
                delays?;
            }
            Ok::<(), String>(())
        });
    }

    #[test]
    fn speeds_and_delays_are_read_with_their_units() {
        let rows: String = (1..=5000).map(|i| format!("phone-{i},{},{}ms\n", f64::from(i) / 1000.0, i)).collect();
        let (_place, path) = file("devices.csv", &format!("device,speed,delay\n{rows}"));
        let table: PerDevice = path.parse().unwrap();
        let speeds = table.speeds().unwrap();
        assert_eq!((speeds.values.len(), speeds.values[0], speeds.values[4999]), (5000, 0.001, 5.0));
        let delays = table.delays(None).unwrap();
        assert_eq!((&delays.values[1], delays.note), (&Law::Constant { value: 0.002 }, None));
        let (_place, path) = file("plain.txt", "250\n0\n");
        let table: PerDevice = path.parse().unwrap();
        assert!(table.delays(None).unwrap().note.is_some_and(|note| note.contains("--unit ms")));
        assert_eq!(table.delays(Some(Unit::Ms)).unwrap().values[0], Law::Constant { value: 0.25 });
        let (_place, path) = file("named.csv", "id,rtt_us\n1,250\n");
        let of_column = format!("{path},rtt_us").parse::<PerDevice>().unwrap().delays(None).unwrap();
        assert_eq!((&of_column.values[0], of_column.note), (&Law::Constant { value: 0.00025 }, None));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let refused = |text: &str, column: &str| {
            let (_place, path) = file("devices.csv", text);
            format!("{path}{column}").parse::<PerDevice>().unwrap().speeds().err().unwrap().to_string()
        };
        assert!(
            refused("id,speed\n1,2\n2,fast\n", "")
                .ends_with("line 3: 'fast' is not a speed, a number from 1e-9 to 1e9; give every row one")
        );
        assert!(refused("id,speed\n1,0\n", "").contains("line 2: '0' is not a speed"));
        assert!(refused("id,mips\n1,2\n", "").contains("say which one has the speeds"));
        assert!(refused("id,mips\n1,2\n", ",mip").contains("did you mean 'mips'?"));
        let missing = "nowhere.csv".parse::<PerDevice>().unwrap().speeds().err().unwrap().to_string();
        assert!(missing.starts_with("nowhere.csv: "), "{missing}");
    }
}
