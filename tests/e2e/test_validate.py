"""`tarn validate`: each case breaks the shipped project in one way, and says which lines are printed: all of them, and no others."""
import json
import pathlib
import re

import pytest

SILVER = "silver/silver_clean_events.sql"
GOLD = "gold/gold_subscriber_features.sql"
LIST = "api/subscribers.sql"
ONE = "api/subscriber.sql"


def break_file(project, path, old, new):
    """Replaces old (a regular expression, found once) by new; old None: the file becomes new."""
    file = project / path
    file.parent.mkdir(exist_ok=True)
    if old is None:
        file.write_bytes(new if isinstance(new, bytes) else new.encode())
        return
    text, count = re.subn(old, lambda _: new, file.read_text(), flags=re.M)
    assert count == 1, f"{old!r} is {count} times in {path}"
    file.write_text(text)


def problems(tarn, project):
    """[(place, message, hint)] as printed, the exit code checked."""
    done = tarn("validate", "-C", project, check=False)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    *lines, total = done.stderr.splitlines()
    found = []
    for line in lines:
        if line.startswith("  hint: "):
            found[-1] = (*found[-1][:2], line.removeprefix("  hint: "))
        else:
            place, message = line.split(": error: ", 1)
            found.append((place, message, ""))
    assert total == f"{len(found)} error{'s' if len(found) != 1 else ''}, 0 warnings"
    return found


# name: ([(file, old, new), ...], [(place, part of the message, part of the hint), ...])
CASES = {
    # tarn.yaml
    "unknown_key": ([("tarn.yaml", "keep:", "kept:")],
                    [("tarn.yaml:84:3", "unknown key 'publish.kept'", "did you mean 'keep'?")]),
    "unknown_section": ([("tarn.yaml", "^serve:", "server:")],
                        [("tarn.yaml:87:1", "unknown key 'server'", "did you mean 'serve'?")]),
    "key_twice": ([("tarn.yaml", "^name: telecom", "name: telecom\nname: other")],
                  [("tarn.yaml:5:1", "'name' is given twice", "")]),
    "key_missing": ([("tarn.yaml", "^name: telecom", "")], [("tarn.yaml:5:1", "'name' is missing", "the project's name")]),
    "key_without_value": ([("tarn.yaml", "port: 8000", "port:")], [("tarn.yaml:89:3", "'serve.port' has no value", "")]),
    "value_of_wrong_type": ([("tarn.yaml", "port: 8000", "port: many")],
                            [("tarn.yaml:89:9", "serve.port: 'many' is not a whole number from 0 to 65535", "")]),
    "no_origin": ([("tarn.yaml", "port: 8000", "port: 8000\n  auth: sometimes\n  cors: ['*', 'https://app.example', 'app.example', 'https://app.example/']")],
                  [("tarn.yaml:90:9", "serve.auth: 'sometimes' is not one of auto, keys, none", ""),
                   ("tarn.yaml:91", "serve.cors: 'app.example' is no origin", "https://app.example or"),
                   ("tarn.yaml:91", "serve.cors: 'https://app.example/' is no origin", "")]),
    "value_out_of_range": ([("tarn.yaml", "max_depth: 64", "max_depth: 0")],
                           [("tarn.yaml:13:14", "source.max_depth: '0' is not a whole number from 1 to 1000", "")]),
    "no_size": ([("tarn.yaml", "1MiB", "big")], [("tarn.yaml:14:21", "'big' is not a size such as 64KiB or 1MiB", "")]),
    "no_duration": ([("tarn.yaml", "60s", "soon")], [("tarn.yaml:85:17", "'soon' is not a duration such as 30s", "")]),
    "unknown_source_kind": ([("tarn.yaml", "kind: ndjson", "kind: pulsar")],
                            [("tarn.yaml:8:9", "source.kind: 'pulsar' is not one of ndjson, kafka", "")]),
    "kafka_without_brokers": ([("tarn.yaml", "kind: ndjson", "kind: kafka")],
                              [("tarn.yaml:7", "source: kafka needs brokers", "KAFKA_BROKERS"), ("tarn.yaml:7", "source: kafka needs topics", "KAFKA_TOPIC")]),
    "bad_yaml": ([("tarn.yaml", "^bronze:", "bronze: [")], [("tarn.yaml:", "YAML: ", "quote a text")]),
    "yaml_alias": ([("tarn.yaml", "^name: telecom", "name: &n telecom\ndatabase: *n"), ("tarn.yaml", "^database: telecom.*", "")],
                   [("tarn.yaml:1:1", "YAML anchors and aliases", "write the value out")]),
    "empty_config": ([("tarn.yaml", None, "")],
                     [("tarn.yaml:1:1", "'name' is missing", ""), ("tarn.yaml:1:1", "'bronze.envelope' is missing", "")]),
    "reserved_column": ([("tarn.yaml", "envelope: .event_id,", "envelope: [event_id, seq,")],
                        [("tarn.yaml:18", "bronze has a column 'seq' of its own", "`extra`")]),
    # quality rules
    "rules_of_one_name": ([("tarn.yaml", "name: missing_source", "name: unknown_type")],
                          [("tarn.yaml:50", "two quality rules named 'unknown_type'", "")]),
    "rule_with_unknown_column": ([("tarn.yaml", "event_type IN", "event_typ IN")],
                                 [("tarn.yaml:46", "quality rule 'unknown_type': Referenced column \"event_typ\" not found", "event_type")]),
    "rule_that_does_not_parse": ([("tarn.yaml", "event_type IN .*", "event_type IN (")],
                                 [("tarn.yaml:46", "quality rule 'unknown_type': SQL does not parse", "")]),
    "rule_that_is_no_condition": ([("tarn.yaml", "event_type IN .*", "length(event_type)")],
                                  [("tarn.yaml:46", "the predicate is BIGINT, not true or false", "write a comparison")]),
    "rule_over_many_rows": ([("tarn.yaml", "event_type IN .*", "count(*) > 1")],
                            [("tarn.yaml:46", "may not contain an aggregate function", "one row at a time")]),
    # SQL files
    "sql_that_does_not_parse": ([(GOLD, "^FROM", "FRM")], [(f"{GOLD}:49:1", "SQL does not parse: syntax error", "")]),
    "two_statements": ([("checks/a.sql", None, "SELECT 1; SELECT 2")],
                       [("checks/a.sql", "there are several statements", "exactly one SELECT")]),
    "empty_file": ([("checks/a.sql", None, "")], [("checks/a.sql", "there is no statement", "exactly one SELECT")]),
    "check_that_is_no_select": ([("checks/a.sql", None, "DELETE FROM silver_clean_events")],
                                [("checks/a.sql", "this is not a SELECT", "exactly one SELECT")]),
    "not_utf8": ([("checks/a.sql", None, b"SELECT 1\n-- \xff\n")], [("checks/a.sql:2", "the text is not UTF-8", "")]),
    "file_name": ([("checks/a b.sql", None, "SELECT 1")], [("checks/a b.sql", "the file's name 'a b' is no name", "")]),
    "unknown_table": ([(GOLD, "^FROM silver_clean_events", "FROM silver_clean_event")],
                      [(f"{GOLD}:49:6", "there is no table 'silver_clean_event'", "did you mean 'silver_clean_events'?")]),
    "unknown_schema": ([("checks/a.sql", None, "SELECT * FROM other.silver_clean_events")],
                       [("checks/a.sql:1:15", "there is no table 'other.silver_clean_events'", "")]),
    "file_as_table": ([("checks/a.sql", None, "SELECT * FROM '/etc/passwd'")],
                      [("checks/a.sql:1:15", "there is no table '/etc/passwd'", "")]),
    "unknown_column": ([(SILVER, r"upper\(subscriber_id\)", "upper(subscriber)")],
                       [(f"{SILVER}:30:9", 'Referenced column "subscriber" not found', "subscriber_id")]),
    "unknown_function": ([(SILVER, r"upper\(subscriber_id\)", "uppr(subscriber_id)")],
                         [(f"{SILVER}:30:3", "uppr does not exist", "upper")]),
    "cycle": ([("gold/a.sql", None, "SELECT * FROM b"), ("gold/b.sql", None, "SELECT *\nFROM a")],
              [("gold/b.sql:2:6", "models read each other in a circle: a reads b reads a", "")]),
    "own_table": ([("gold/a.sql", None, "SELECT * FROM a")], [("gold/a.sql:1:15", "in a circle: a reads a", "")]),
    "two_tables_of_one_name": ([("gold/Silver_Clean_Events.sql", None, "SELECT 1 AS a")],
                               [("gold/Silver_Clean_Events.sql", "silver/silver_clean_events.sql already defines", "rename")]),
    "bronze_defined_again": ([("gold/bronze_raw_events.sql", None, "SELECT 1 AS a")],
                             [("gold/bronze_raw_events.sql", "'bronze_raw_events' is the bronze table", "rename")]),
    "model_with_parameter": ([(GOLD, "^HAVING .*", "HAVING count(*) >= $least")],
                             [(f"{GOLD}:51:20", "there is nothing to bind to $least", "only endpoints")]),
    "model_on_system_table": ([("gold/a.sql", None, "SELECT * FROM tarn.runs")],
                              [("gold/a.sql:1:15", "a model may not read Tarn's own tables", "")]),
    # front matter
    "bad_front_matter": ([(GOLD, "^kind: gold", "kind: gold\n\tx")], [(f"{GOLD}:", "YAML: ", "indent with spaces")]),
    "front_matter_never_ends": ([("checks/a.sql", None, "/*\nseverity: warn\nSELECT 1")],
                                [("checks/a.sql:1:1", "SQL does not parse", ""), ("checks/a.sql:1:1", "the opening comment never ends", "*/")]),
    "comment_that_is_no_front_matter": ([("checks/a.sql", None, "/* just words */ SELECT 1")],
                                        [("checks/a.sql:1:4", "must hold `key: value` lines", "")]),
    "kind_of_another_folder": ([(GOLD, "^kind: gold", "kind: silver")], [(f"{GOLD}:2:7", "kind: 'silver' is not gold", "")]),
    "key_of_another_kind": ([(GOLD, "^key: ", "unique: ")],
                            [(f"{GOLD}:4:1", "unknown key 'unique'", "known here: kind, description, key, columns")]),
    "unknown_severity": ([("checks/gold_counts_add_up.sql", "severity: error", "severity: fatal")],
                         [("checks/gold_counts_add_up.sql:3:11", "severity: 'fatal' is not one of error, warn", "")]),
    "unknown_unique_column": ([(SILVER, "^unique: .*", "unique: [event]")],
                              [(f"{SILVER}:4", "silver_clean_events has no column 'event'", "its columns: event_id")]),
    "note_on_unknown_column": ([(GOLD, "^  plan: ", "  plans: ")],
                               [(f"{GOLD}:11", "gold_subscriber_features has no column 'plans'", "did you mean 'plan'?")]),
    # what a silver model may not be, and a gold model with a key
    "silver_with_aggregate": ([(SILVER, r"upper\(subscriber_id\)", "max(subscriber_id)")],
                              [(f"{SILVER}:27:3", "must appear in the GROUP BY clause", "belongs in gold")]),
    "silver_with_join": ([(SILVER, "^FROM bronze_raw_events", "FROM bronze_raw_events POSITIONAL JOIN (SELECT 1)")],
                         [(f"{SILVER}:50:24", "a silver model may not contain a join", "belongs in gold")]),
    "silver_with_volatile": ([(SILVER, r"^  quality_score,", "  random() AS quality_score,")],
                             [(f"{SILVER}:36:3", "a silver model may not contain a volatile function", "belongs in gold")]),
    "silver_on_gold": ([("silver/a.sql", None, "SELECT plan FROM gold_subscriber_features")],
                       [("silver/a.sql:1:18", "a silver model reads the bronze table only", "belongs in gold")]),
    "silver_on_silver": ([("silver/a.sql", None, "SELECT event_id FROM silver_clean_events")],
                         [("silver/a.sql:1:22", "a silver model reads the bronze table only", "belongs in gold")]),
    "key_over_gold": ([("gold/a.sql", None, "/* key: plan */ SELECT plan, count(*) AS n FROM gold_subscriber_features GROUP BY plan")],
                      [("gold/a.sql:1:49", "cannot have a gold table behind FROM", "leave out `key:`")]),
    "key_not_grouped": ([(GOLD, "^GROUP BY subscriber_id", "GROUP BY ALL")],
                        [(f"{GOLD}:4", "a GROUP BY other than the key's columns", "leave out `key:`")]),
    "key_and_limit": ([(GOLD, "^HAVING .*", "LIMIT 10")], [(f"{GOLD}:4", "a model with a key cannot have LIMIT", "")]),
    "key_and_window": ([(GOLD, "^HAVING .*", "QUALIFY row_number() OVER () = 1")],
                       [(f"{GOLD}:51:30", "a model with a key cannot have QUALIFY", "")]),
    "key_and_now": ([(GOLD, r"^  count\(\*\) AS total_events", "  count(*) FILTER (event_timestamp < now()) AS total_events")],
                    [(f"{GOLD}:29:38", "cannot have now()", "leave out `key:`")]),
    # endpoints
    "unknown_param_type": ([(LIST, "type: integer", "type: int")],
                           [(f"{LIST}:6:17", "params.limit.type: 'int' is not one of integer, number, string", "")]),
    "param_without_type": ([(LIST, "type: integer, ", "")], [(f"{LIST}:6:10", "'params.limit.type' is missing", "")]),
    "param_not_declared": ([(LIST, r"\$limit", "$most")],
                           [(f"{LIST}:6", "parameter 'limit': it is declared, but the SQL has no $limit", "use it"),
                            (f"{LIST}:22:7", "$most is not declared", "params: {most: {type: string}}")]),
    "param_without_name": ([(ONE, r"\$subscriber_id", "?")],
                           [(ONE, "parameters must have names", "write $name"), (f"{ONE}:7", "the SQL has no $subscriber_id", "")]),
    "default_outside_limits": ([(LIST, "default: 20", "default: 2000")],
                               [(f"{LIST}:6", "parameter 'limit': the default: '2000' is not an integer from 1 to 1000", "must fit")]),
    "minimum_above_maximum": ([(LIST, "minimum: 1,", "minimum: 2000,")], [(f"{LIST}:6", "minimum is above maximum", "")]),
    "minimum_of_another_type": ([(LIST, "minimum: 1,", "minimum: 0.5,")], [(f"{LIST}:6", "the minimum '0.5' is not an integer", "")]),
    "enum_without_values": ([(LIST, r"values: .high, low., ", "")], [(f"{LIST}:7", "an enum needs values", "values: [")]),
    "limits_of_a_string": ([(ONE, "type: string", "type: string, minimum: 1")],
                           [(f"{ONE}:7", "minimum and maximum belong to the types integer, number, date and timestamp", "max_length")]),
    "bad_pattern": ([(ONE, "type: string", "type: string, pattern: '('")], [(f"{ONE}:7", "'(' is no regular expression", "")]),
    "items_without_array": ([(ONE, "type: string", "type: string, items: integer")],
                            [(f"{ONE}:7", "items, min_items and max_items belong to type array", "type: array")]),
    "two_defaults": ([(LIST, "default: 20", "default: [20, 30]")], [(f"{LIST}:6", "only an array has several defaults", "type: array")]),
    "param_of_the_server": ([("api/z.sql", None, "/* {route: /z, params: {format: string, generation: integer}} */ SELECT $format, $generation")],
                            [("api/z.sql:1", "parameter 'format': the server takes this query parameter itself", "another name"),
                             ("api/z.sql:1", "parameter 'generation': the server takes", "another name")]),
    "param_example": ([(LIST, "default: 20", "default: 20, examples: [5, 5000]")],
                      [(f"{LIST}:6", "parameter 'limit': the example: '5000' is not an integer from 1 to 1000", "must be allowed")]),
    "endpoint_examples": ([("api/z.sql", None, "/*\nroute: /z/{id}\nparams: {id: integer, ids: {type: array, items: integer, required: true}}\n"
                            "examples:\n- /z/1?ids=1,2&ids=3&format=csv\n- /y/1?ids=1\n- /z/x?ids=1\n- /z/1\n- /z/1?ids=a\n- /z/1?ids=1&no=2\n*/ SELECT $id, $ids")],
                          [("api/z.sql:4", "the example /y/1?ids=1: its path is not of the route /z/{id}", "a request that the endpoint answers"),
                           ("api/z.sql:4", "parameter 'id': 'x' is not an integer", ""),
                           ("api/z.sql:4", "parameter 'ids' is required", ""),
                           ("api/z.sql:4", "parameter 'ids': 'a' is not an integer", ""),
                           ("api/z.sql:4", "there is no parameter 'no'", "")]),
    "limit_of_one": ([(ONE, "^shape: one", "shape: one\nlimit: 5")], [(f"{ONE}:5", "limit belongs to shape rows", "")]),
    "cache_is_no_duration": ([(ONE, "^shape: one", "shape: one\ncache: long")], [(f"{ONE}:5:8", "cache: 'long' is not a duration such as", "")]),
    "route_is_no_path": ([(ONE, "^route: .*", "route: subscribers")], [(f"{ONE}:2", "the route is no path", "/api/v1/things/{id}")]),
    "route_with_unknown_param": ([(ONE, "{subscriber_id}$", "{id}")], [(f"{ONE}:2", "the route's {id} is no parameter", "params: {id")]),
    "route_twice": ([("api/z.sql", None, "/* {route: '/api/v1/subscribers/{id}', params: {id: string}} */ SELECT $id")],
                    [("api/z.sql:1", "api/subscriber.sql already has the route", "")]),
    "route_of_the_server": ([("api/z.sql", None, "/* route: /api/v1/health */ SELECT 1")],
                            [("api/z.sql:1", "the server answers /api/v1/health itself", "another path")]),
    "route_below_one_of_the_server": ([("api/z.sql", None, "/* route: /docs/more */ SELECT 1")],
                                      [("api/z.sql:1", "the server answers /docs itself", "another path")]),
    "endpoint_without_route": ([("api/z.sql", None, "SELECT 1")], [("api/z.sql:1:1", "'route' is missing", "")]),
    # several at once: a fault hides nothing in other files
    "two_faults": ([("tarn.yaml", "keep:", "kept:"), (SILVER, r"upper\(subscriber_id\)", "upper(subscriber)"),
                    ("checks/a.sql", None, "SELECT nothing FROM bronze_raw_events")],
                   [("checks/a.sql:1:8", 'Referenced column "nothing" not found', ""),
                    (f"{SILVER}:30:9", 'Referenced column "subscriber" not found', ""),
                    ("tarn.yaml:84:3", "unknown key 'publish.kept'", "")]),
}


@pytest.mark.parametrize("name", CASES)
def test_fault_is_named_with_its_place_and_what_to_do(tarn, project, name):
    edits, expected = CASES[name]
    for path, old, new in edits:
        break_file(project, path, old, new)
    found = problems(tarn, project)
    assert len(found) == len(expected), found
    for (place, message, hint), (want_place, want_message, want_hint) in zip(found, expected):
        exact = place == want_place or want_place.endswith(":") and place.startswith(want_place)
        assert exact and want_message in message and want_hint in hint, (place, message, hint)


def test_shipped_project_is_fine(tarn, project):
    done = tarn("validate", "-C", project)
    assert done.stdout == "telecom is fine: 2 models, 7 checks, 3 endpoints, 8 quality rules.\n" and done.stderr == ""


def test_a_trailing_semicolon_and_a_byte_order_mark_are_fine(tarn, project):
    for path in (SILVER, GOLD, LIST):
        (project / path).write_bytes(b"\xef\xbb\xbf" + (project / path).read_bytes().rstrip() + b";\n")
    tarn("validate", "-C", project)


def test_windows_line_ends_are_fine(tarn, project):
    for path in (SILVER, GOLD, LIST, "tarn.yaml"):
        (project / path).write_bytes((project / path).read_bytes().replace(b"\n", b"\r\n"))
    tarn("validate", "-C", project)


def test_log_json_prints_a_line_per_fault(tarn, project):
    break_file(project, "tarn.yaml", "keep:", "kept:")
    done = tarn("validate", "-C", project, "--log", "json", check=False)
    assert done.returncode == 2
    assert [json.loads(line) for line in done.stderr.splitlines()] == [
        {"level": "error", "file": "tarn.yaml", "line": 84, "column": 3, "message": "unknown key 'publish.kept'",
         "hint": "did you mean 'keep'? Known here: keep, min_interval"}]


@pytest.mark.parametrize("name, message", [("nothing", "there is no folder"), ("empty", "is no project: it has no tarn.yaml")])
def test_missing_project_is_a_usage_error(tarn, tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    done = tarn("validate", "-C", tmp_path / name, check=False)
    assert done.returncode == 2 and message in done.stderr and "tarn init DIR" in done.stderr


def test_other_commands_refuse_a_faulty_project_and_list_its_faults(tarn, project):
    break_file(project, "tarn.yaml", "keep:", "kept:")
    done = tarn("run", "-C", project, check=False)
    assert done.returncode == 2 and "tarn.yaml:84:3: error: unknown key" in done.stderr


# --- tarn init ---


def test_init_writes_the_shipped_project_and_says_what_is_next(tarn, tmp_path):
    done = tarn("init", "demo", cwd=tmp_path)
    assert "tarn run -C demo" in done.stdout and "tarn serve -C demo" in done.stdout
    shipped = pathlib.Path(__file__).resolve().parents[2] / "telecom"
    written = tmp_path / "demo"
    assert {p.relative_to(written): p.read_text() for p in written.rglob("*.*")} == \
           {p.relative_to(shipped): p.read_text() for p in shipped.rglob("*.*")}
    assert (written / "events").is_dir()


def test_init_again_changes_nothing_and_brings_back_what_is_missing(tarn, project):
    (project / "events" / "e.ndjson").write_text("{}\n")
    (project / LIST).unlink()
    tarn("init", project)
    assert (project / LIST).exists() and (project / "events" / "e.ndjson").exists()


def test_init_overwrites_nobodys_work(tarn, project):
    (project / GOLD).write_text("SELECT 1 AS mine")
    (project / LIST).unlink()
    done = tarn("init", project, check=False)
    assert done.returncode == 2 and "differs from the template" in done.stderr
    assert (project / GOLD).read_text() == "SELECT 1 AS mine" and not (project / LIST).exists()


def test_init_refuses_a_folder_of_other_things(tarn, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = tarn("init", tmp_path, check=False)
    assert done.returncode == 2 and "is not empty" in done.stderr and [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("args, message", [(("--template", "bank", "x"), "there is no template 'bank'"), ((), "name the folder")])
def test_init_usage(tarn, tmp_path, args, message):
    done = tarn("init", *args, cwd=tmp_path, check=False)
    assert done.returncode == 2 and message in done.stderr
