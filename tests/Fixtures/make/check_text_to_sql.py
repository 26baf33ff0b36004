"""Runs every query of text-to-SQL files (sql_context, sql) with Python's sqlite3; for the files that `lapidary demo` writes:
python3 check_text_to_sql.py lapidary-demo/train.jsonl lapidary-demo/test.jsonl"""
import json
import sqlite3
import sys

rows = [json.loads(line) for path in sys.argv[1:] for line in open(path, encoding="utf-8")]
invalid = empty = 0
for row in rows:
    database = sqlite3.connect(":memory:")
    try:
        database.executescript(row["sql_context"])
        empty += not database.execute(row["sql"]).fetchall()
    except sqlite3.Error as error:
        invalid += 1
        print(f"{row['sql']}: {error}")
print(f"{len(rows)} rows, {invalid} invalid, {empty} with an empty result")
sys.exit(invalid > 0)
