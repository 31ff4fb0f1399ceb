//! Files that are no histories, or strange ones: each is answered in one sentence with its line, or read for what it is.

use histories::format::{Format, read};

/// What is told about `bytes`: the sentence, or how many operations were read, and the warnings.
fn told(bytes: &[u8]) -> String {
    match read(bytes, "file", Format::Auto) {
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
            sentence
        }
        Ok(parsed) => {
            let warnings = parsed.warnings.iter().map(|warning| format!("; {warning}"));
            let operations = parsed.history.operations().len();
            format!("{operations} operations{}", warnings.collect::<String>())
        }
    }
}

fn check(bytes: impl AsRef<[u8]>, expected: &str) {
    let bytes = bytes.as_ref();
    assert_eq!(
        told(bytes),
        expected,
        "{}",
        String::from_utf8_lossy(&bytes[..bytes.len().min(300)])
    );
}

const ASK: &str = r#"{"t":1,"type":"invoke","process":3,"f":"write","value":7}"#;
const EDN: &str = "{:type :invoke, :f :write, :value 7, :process 3}";
const LOG: &str = "INFO  jepsen.util - 3\t:invoke\t:write\t7";

/// A line with this value in the place of the 7.
fn with(line: &str, value: &str) -> String {
    line.replace('7', value)
}

#[test]
fn what_is_no_history_at_all_is_refused_at_its_first_line() {
    check(
        "hello\n",
        "file line 1: not a whole JSON line: expected value at column 1",
    );
    check(
        "<html>\n<body>\n",
        "file line 1: not a whole JSON line: expected value at column 1",
    );
    check(
        b"\x7fELF\x02\x01\x01\0\0\0",
        "file line 1: not a whole JSON line: expected value at column 1",
    );
    check(
        b"\xff\xfe{\0\"\0",
        "file line 1: not a whole JSON line: expected value at column 1",
    );
    check("[1, 2]\n", "file line 1: an event must be a map");
    check("(defproject jepsen \"1", "file line 1: an event must be a map");
    check("(defproject jepsen)\n", "file line 1: an event must be a map");
    check(
        "Invoices of May\n3 apples\n",
        "file line 1: no line is an event such as `INFO  jepsen.util - 0 :invoke :write 3`, this one is the first",
    );
    check("", "0 operations");
    check("\n \n\r\n", "0 operations");
}

#[test]
fn lines_may_end_as_on_windows_and_begin_with_a_byte_order_mark() {
    for line in [ASK, EDN, LOG] {
        check(format!("\u{feff}{line}\r\n\r\n"), "1 operations");
        check(format!("{line}\r\n"), "1 operations");
    }
}

#[test]
fn numbers_that_would_be_rounded_to_others_are_refused() {
    let large = "a number of more than 64 bits; write it as a string";
    for value in [
        "18446744073709551616",
        "-9223372036854775809",
        "1e19",
        "123456789012345678901234567890",
    ] {
        check(
            with(ASK, value),
            &format!("file line 1: a value that cannot be used: {large}"),
        );
        check(with(EDN, value), &format!("file line 1: {large}"));
        check(with(LOG, value), &format!("file line 1: {large}"));
    }
    for value in ["18446744073709551615", "-9223372036854775808", "1e18", "0.1"] {
        for line in [ASK, EDN, LOG] {
            check(with(line, value), "1 operations");
        }
    }
    check(with(EDN, "##Inf"), "file line 1: unexpected `##`");
}

#[test]
fn what_is_nested_without_end_is_refused() {
    for depth in [200, 100_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let nested = format!("{open}{close}");
        check(
            format!("{}\n{ASK}\n", with(ASK, &nested)),
            "file line 1: a value that cannot be used: recursion limit exceeded",
        );
        check(
            format!("{}\n{EDN}\n", with(EDN, &nested)),
            "file line 1: nested more than 64 deep",
        );
        check(with(LOG, &nested), "file line 1: nested more than 64 deep");
        check(
            format!("{EDN}\n{}\n{EDN}\n", "#a ".repeat(depth)),
            "file line 2: nested more than 64 deep",
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let broken = |line: &str| {
        let mut bytes = format!("{line}\n").into_bytes();
        bytes.extend(
            with(line, "\"x\"")
                .replace('3', "4")
                .bytes()
                .map(|byte| if byte == b'x' { 0xff } else { byte }),
        );
        bytes.extend(b"\n\n");
        bytes.extend(line.replace('3', "5").bytes());
        bytes
    };
    check(
        broken(ASK),
        "file line 2: not a whole JSON line: invalid unicode code point at column 57",
    );
    check(broken(EDN), "file line 2: not UTF-8");
    check(broken(LOG), "file line 2: not UTF-8");
}

#[test]
fn a_vector_of_events_is_told_about_by_the_lines_in_it() {
    let other = EDN.replace('3', "4");
    check(format!("[{EDN}\n {other}]\n"), "2 operations");
    check(format!("({EDN} {other})"), "2 operations");
    check(
        format!("; a test\n[\n{EDN}\n{other}\n] ; the end"),
        "2 operations",
    );
    check(
        format!("[{EDN}\n {other}\n {EDN}\n]"),
        "file line 3: second invocation of process 3, which still waits for its write of line 1",
    );
    check(
        format!("[{EDN}\n {{:type :ok, :f :write, :process 9}}]"),
        "file line 2: completion of process 9 without its invocation",
    );
    check(
        format!("[{EDN}\n {other}\n"),
        "2 operations; file line 3: the last event is torn; everything before it is used",
    );
    check(format!("[{EDN})\n{other}"), "file line 1: unexpected `)`");
}

#[test]
fn an_event_without_its_end_does_not_swallow_those_that_follow() {
    let open = EDN.trim_end_matches('}');
    let other = EDN.replace('3', "4");
    check(
        format!("{open}\n{other}\n{other}\n"),
        "file line 1: the event does not end",
    );
    check(
        format!("{EDN}\n{open}\n{other}\n"),
        "file line 2: the event does not end",
    );
    check(
        format!("{EDN}\n{open}\n"),
        "1 operations; file line 2: the last event is torn; everything before it is used",
    );
}

#[test]
fn indices_that_run_backwards_are_refused_in_every_form() {
    let at = |index: u64, process: u64| {
        format!("{{:index {index}, :type :invoke, :f :read, :process {process}}}\n")
    };
    check(at(5, 0) + &at(6, 1), "2 operations");
    check(at(5, 0) + &at(5, 1), "file line 2: the index 5 follows 5");
    check(at(5, 0) + &at(2, 1), "file line 2: the index 2 follows 5");
}

#[test]
fn what_the_nemesis_did_is_kept_whatever_it_says() {
    for value in [
        ":majority",
        "nil",
        "{:cut [[\"n1\" \"n2\"]]}",
        "[\"k\" 1]",
        "\"\\u0000\\n\"",
        "#{:a}",
        "#time \"9\"",
    ] {
        for process in [":nemesis", "\"nemesis\"", "nemesis"] {
            let event = format!("{{:type :info, :f :start, :process {process}, :value {value}}}\n");
            let text = format!("{event}{EDN}\n{event}");
            let history = read(text.as_bytes(), "file", Format::Auto)
                .expect("it is well formed")
                .history;
            assert_eq!(history.nemesis().count(), 2, "{text}");
        }
    }
}

#[test]
fn keys_and_values_may_be_nil() {
    let text = "{:type :invoke, :f :write, :value [nil nil], :process 0}\n{:type :ok, :f :write, :value [nil nil], :process 0}\n";
    let history = read(text.as_bytes(), "file", Format::Auto)
        .expect("it is well formed")
        .history;
    let write = history.operations().get(0).expect("there is one");
    assert_eq!(write.key.map(|key| &*key.0), Some("null"));
    for text in [
        "{:type :invoke, :f :write, :value [\"\" 1], :process 0}\n{:type :ok, :f :write, :value [\"\" 1], :process 0}\n",
        "{\"t\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"write\",\"key\":\"\",\"value\":1}\n",
    ] {
        let history = read(text.as_bytes(), "file", Format::Auto)
            .expect("it is well formed")
            .history;
        assert_eq!(
            history.operations().get(0).map(|write| write.key),
            Some(None),
            "an empty name is none"
        );
    }
    check(
        "{:type :invoke, :f :write, :key nil, :value nil, :process 0}",
        "1 operations",
    );
}

#[test]
fn a_log_may_have_blanks_where_it_has_tabs() {
    check(LOG.replace('\t', " "), "1 operations");
    check(LOG.replace('\t', "   "), "1 operations");
    check(
        "INFO  jepsen.util - \n",
        "file line 1: the field `process` is missing",
    );
    check(
        "INFO  jepsen.util - 3\n",
        "file line 1: the field `type` is missing",
    );
    check(
        "INFO  jepsen.util - 3 :invoke\n",
        "file line 1: the field `f` is missing",
    );
    check(
        "INFO  jepsen.util - 3 :invoke write 7\n",
        "file line 1: the field `f` must be a keyword",
    );
    check(
        "INFO  jepsen.util - 3 :invoke :write 7 8\n",
        "file line 1: an event has one value",
    );
    check(
        "INFO  jepsen.util - x :invoke :write 7\n",
        "file line 1: the field `process` must be a whole number or a keyword",
    );
    check(
        "INFO  jepsen.util - 3 :ok :write 7\n",
        "file line 1: completion of process 3 without its invocation",
    );
    check(
        format!("{LOG}\nsome stack trace\n  of two lines\n"),
        "1 operations; file line 2: passed over 2 lines that are no events, this one first",
    );
}

#[test]
fn a_certificate_that_is_none_is_refused_in_one_line() {
    use histories::format::certificate;
    let told = |text: &str| {
        certificate::read(text.as_bytes(), "file")
            .expect_err("it is none")
            .to_string()
    };
    assert_eq!(
        told("{\"for\\nmat\":1}"),
        "file line 1: no line of a certificate: unknown field `for\\nmat`, expec…format`, `model`, `operations` at column 11"
    );
    assert_eq!(
        told(
            "{\"format\":1,\"model\":\"register\",\"operations\":1}\n{\"key\":null,\"order\":[-1],\"left_out\":[]}"
        ),
        "file line 2: no line of a certificate: invalid value: integer `-1`, expected u32 at column 23"
    );
    assert_eq!(
        told("{\"format\":2,\"model\":\"register\",\"operations\":1}"),
        "file line 1: format version 2 is not known; this program reads version 1"
    );
    assert_eq!(
        told("{\"format\":1,\"model\":\"stack\",\"operations\":1}"),
        "file line 1: unknown model `stack`; known are register, cas-register, append, kv, set, lock, counter, queue"
    );
    assert_eq!(
        told("{\"format\":1,\"model\":\"st\\rack\",\"operations\":1}"),
        "file line 1: unknown model `st\\rack`; known are register, cas-register, append, kv, set, lock, counter, queue"
    );
    assert_eq!(
        told(""),
        "file line 1: no line of a certificate: EOF while parsing a value at column 0"
    );
}
