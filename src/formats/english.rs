//! English for the words of column names in other languages, so that `Schrittzeit (ms)` is a step's time.

/// English words for a word in lower case; `None` if it is English, or not known.
///
/// German, French, Spanish, Italian and Portuguese; with and without their accents.
pub fn english(word: &str) -> Option<&'static [&'static str]> {
    Some(match word {
        "zeit" | "zeiten" | "temps" | "tiempo" | "tempo" | "durchlaufzeit" => &["time"],
        "dauer" | "laufzeit" | "durée" | "duree" | "duración" | "duracion" | "durata" | "duração" | "duracao" => {
            &["duration"]
        }
        "schritt" | "schritte" | "schrittnummer" | "étape" | "etape" | "paso" | "passo" | "pas" => &["step"],
        "schrittzeit" | "schrittdauer" => &["step", "time"],
        "iterationszeit" | "iterationsdauer" => &["iteration", "time"],
        "itération" | "iteración" | "iteracion" | "iterazione" | "iteração" | "iteracao" => &["iteration"],
        "batchzeit" | "batchdauer" => &["batch", "time"],
        "rechenzeit" | "berechnungszeit" | "calcul" | "cálculo" | "calcolo" => &["compute", "time"],
        "gesamtzeit" | "gesamtdauer" => &["total", "time"],
        "zeitstempel" | "horodatage" => &["timestamp"],
        "uhrzeit" | "datum" | "fecha" => &["date"],
        "rang" | "rango" => &["rank"],
        "arbeiter" | "travailleur" | "trabajador" | "lavoratore" => &["worker"],
        "prozess" | "processus" | "proceso" | "processo" => &["process"],
        "knoten" | "nœud" | "noeud" | "nodo" | "nó" => &["node"],
        "rechner" | "maschine" | "hôte" => &["host"],
        "gerät" | "geraet" | "dispositivo" | "appareil" => &["device"],
        "epoche" | "époque" | "epoque" | "época" | "epoca" => &["epoch"],
        "verlust" | "perte" | "pérdida" | "perdita" | "perda" => &["loss"],
        "genauigkeit" | "précision" | "exactitud" => &["accuracy"],
        "durchsatz" | "débit" => &["throughput"],
        _ => return None,
    })
}
