"""Rival (b), the script a plant engineer writes in an afternoon.

    afternoon.py TTY BROKER_PORT DB_FILE

pyserial's `readline`, an insert and a commit per scan (sqlite3 as it comes), paho with
`loop_start`, QoS 1, the row marked as sent when its PUBACK arrives, unmarked rows sent again at
start. It is meant honestly: no trap was laid for it, and it was not tuned either.
"""

# ruff: noqa: ANN001, ANN201, ARG001 - it is written the way such scripts are

import json
import sqlite3
import sys
import threading
import uuid
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
import serial

TOPIC = "acme/plant1/assembly/line3/A2/scan"

tty, port, db_file = sys.argv[1:]

db = sqlite3.connect(db_file, check_same_thread=False)
db.execute(
    "CREATE TABLE IF NOT EXISTS scans"
    " (id INTEGER PRIMARY KEY, payload TEXT, sent INTEGER DEFAULT 0)"
)
db.commit()
db_lock = threading.Lock()

rows = {}  # mid -> row id
rows_lock = threading.Lock()
early = set()  # PUBACKs that were quicker than us


def mark(row_id):
    with db_lock:
        db.execute("UPDATE scans SET sent = 1 WHERE id = ?", (row_id,))
        db.commit()


def on_publish(client, userdata, mid, reason_code, properties):
    with rows_lock:
        row_id = rows.pop(mid, None)
        if row_id is None:
            early.add(mid)
            return
    mark(row_id)


def publish(row_id, payload):
    info = client.publish(TOPIC, payload, qos=1)
    with rows_lock:
        if info.mid not in early:
            rows[info.mid] = row_id
            return
        early.discard(info.mid)
    mark(row_id)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="afternoon")
client.on_publish = on_publish
client.connect_async("127.0.0.1", int(port))
client.loop_start()

for row_id, payload in db.execute(
    "SELECT id, payload FROM scans WHERE sent = 0 ORDER BY id"
).fetchall():
    publish(row_id, payload)

scanner = serial.Serial(tty, 9600)
while True:
    text = scanner.readline().decode("utf-8", "replace").strip()
    if not text:
        continue
    payload = json.dumps(
        {
            "id": str(uuid.uuid4()),
            "station": "A2",
            "device": "gun-1",
            "time": datetime.now(UTC).isoformat(),
            "text": text,
        }
    )
    with db_lock:
        cursor = db.execute("INSERT INTO scans (payload) VALUES (?)", (payload,))
        db.commit()
    publish(cursor.lastrowid, payload)
