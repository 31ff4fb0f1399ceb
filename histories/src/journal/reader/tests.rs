//! The short way through a line against the long one.

use super::*;

/// Reads the line the short way and the long way; false if the short way leaves it to the long one.
fn agrees(line: &str) -> bool {
    let mut reader = Reader::open(&b""[..], "line").unwrap();
    let Some(plain) = scan::scan(line.as_bytes(), &mut reader.values) else {
        return false;
    };
    let [short, long] = [reader.parse_plain(&plain), {
        (reader.last, reader.entries) = (None, 0);
        reader.parse_any(line.as_bytes())
    }]
    .map(|read| match read {
        Ok(Line::Entry(entry)) => {
            let client = entry.event.client().cloned().unwrap();
            let json = |item| reader.values.json(reader.values.datum(item));
            let told = (json(client.value), client.saw.map(json));
            let blank = Client {
                value: Item::NULL,
                saw: None,
                ..client
            };
            format!("{:?} {:?} {blank:?} {told:?}", entry.index, entry.t)
        }
        Ok(Line::Torn) => panic!("torn"),
        Err(defect) => panic!("{line}: {defect}"),
    });
    assert_eq!(short, long, "{line}");
    true
}

const LINE: &str = r#"{"i":7,"t":12,"type":"fail","process":3,"f":"cas","key":"k","value":[1,-2],"error":"no","saw":"é","node":"n"}"#;

#[test]
fn the_short_way_reads_what_the_long_way_does() {
    assert!(agrees(LINE));
    for line in [
        r#"{"t":0,"type":"invoke","process":0,"f":"read"}"#,
        r#"{ "t" : 5 , "type":"ok", "process":1 , "f":"read","value":[ "a" , null,true , false ] , "key":null}"#,
        r#"{"t":5,"type":"info","process":1,"f":"add","value":[],"key":17,"error":null}"#,
        r#"{"t":999999999999999999,"type":"ok","process":1,"f":"add","value":-1}"#,
    ] {
        assert!(agrees(line), "{line}");
    }
}

#[test]
fn odd_lines_are_left_to_the_long_way() {
    for line in [
        r#"{"t":05,"type":"ok","process":1,"f":"read"}"#,
        r#"{"t":5,"type":"ok","process":1,"f":"read","value":1.5}"#,
        r#"{"t":5,"type":"ok","process":1,"f":"read","value":"a
"}"#,
        r#"{"t":5,"t":5,"type":"ok","process":1,"f":"read"}"#,
        r#"{"t":5,"type":"ok","process":1,"f":"read","value":-0}"#,
        r#"{"t":5,"type":"ok","process":1,"f":"read","value":- 1}"#,
        r#"{"t":5,"type":"ok","process":1,"f":"read","value":[1,]}"#,
        r#"{"t":5,"type":"ok","process":1,"f":"read",}"#,
        r#"{"t":5,"type":"ok","process":1,"f":"read"}}"#,
        r#"{"t":5,"type":"ok","process":"nemesis","f":"read"}"#,
        r#"{"t":5,"type":"ok","process":1}"#,
        r#"{"t":5,"type":"ok","process":1,"f":"read","value":[[1]]}"#,
        r#"{"t":1000000000000000000,"type":"ok","process":1,"f":"read"}"#,
    ] {
        assert!(!agrees(line), "{line}");
    }
}

/// Any one byte of a line changed: the two ways never part.
#[test]
fn the_two_ways_never_part() {
    let mut taken = 0;
    for place in 0..LINE.len() {
        for byte in b"{}[]\":,0-1.e \t\\ntx" {
            let mut line = LINE.as_bytes().to_vec();
            line[place] = *byte;
            taken += str::from_utf8(&line).map_or(0, |line| u32::from(agrees(line)));
        }
    }
    assert!(taken > 100, "only {taken} were plain");
}
