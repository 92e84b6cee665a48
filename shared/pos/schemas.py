"""The wire shapes of the sync's endpoints."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.platform.wire import ErrorAnswer, WireTime
from shared.pos.models import INCREMENTAL, MODES, SOURCES


class TriggerRequest(Schema):
    """What to read again. Times: a day, an RFC 3339 time, or how long before now (`P14D`, `2y`)."""

    mode = fields.String(load_default=INCREMENTAL, validate=validate.OneOf(MODES), metadata={"example": "backfill"})
    start = fields.String(
        load_default="", data_key="from", validate=validate.Length(max=40), metadata={"example": "2y"}
    )
    end = fields.String(load_default="", data_key="to", validate=validate.Length(max=40))


class QueuedAnswer(Schema):
    """The run is queued; `statusUrl` shows how far it is."""

    success = fields.Constant(True, required=True)
    job_id = fields.String(required=True, data_key="jobId")
    status = fields.Constant("queued", required=True)
    status_url = fields.String(required=True, data_key="statusUrl")


class NoSourceAnswer(ErrorAnswer):
    """There is no such source."""


class NoJobAnswer(ErrorAnswer):
    """There is no such run, or none any more."""


class AlreadyRunningAnswer(ErrorAnswer):
    """The source is being synced already: by this run."""

    job_id = fields.String(data_key="jobId")
    status_url = fields.String(data_key="statusUrl")


class TallyShape(Schema):
    count = fields.Integer(required=True)
    cents = fields.Integer(required=True)
    newest = fields.String(required=True)


class DifferenceShape(Schema):
    stream = fields.String(required=True)
    location = fields.String(required=True)
    day = fields.String(required=True)
    source = fields.Nested(TallyShape, required=True)
    warehouse = fields.Nested(TallyShape, required=True)


class CertificateShape(Schema):
    """What source and warehouse were compared to be. Green: they are equal. `rows` and `cents` are the source's."""

    green = fields.Boolean(required=True)
    checked_at = WireTime(required=True, data_key="checkedAt", attribute="checkedAt")
    places = fields.Integer(required=True)
    rows = fields.Integer(required=True)
    cents = fields.Integer(required=True)
    newest_update = fields.String(allow_none=True, data_key="newestUpdate", attribute="newestUpdate")
    repaired = fields.Integer(required=True)
    uncertified_days = fields.Integer(required=True, data_key="uncertifiedDays", attribute="uncertifiedDays")
    differences = fields.List(fields.Nested(DifferenceShape), required=True)
    more_differences = fields.Integer(required=True, data_key="moreDifferences", attribute="moreDifferences")


class CountedShape(Schema):
    stream = fields.String(required=True)
    rows_seen = fields.Integer(data_key="rowsSeen", attribute="rowsSeen")
    rows_written = fields.Integer(data_key="rowsWritten", attribute="rowsWritten")
    rows_rejected = fields.Integer(data_key="rowsRejected", attribute="rowsRejected")
    changed_late = fields.Integer(data_key="changedLate", attribute="changedLate")
    pages = fields.Integer()
    retries = fields.Integer()
    certificate = fields.Nested(CertificateShape, allow_none=True)


class ErrorShape(Schema):
    code = fields.String(required=True)
    message = fields.String(required=True)
    at = WireTime()


class JobStreamShape(CountedShape):
    error = fields.Nested(ErrorShape, allow_none=True)


class StreamShape(CountedShape):
    table = fields.String(required=True)
    mode = fields.String(allow_none=True, validate=validate.OneOf(("live", "mock")))
    state = fields.String(
        required=True,
        validate=validate.OneOf(("never_run", "running", "idle", "red", "retrying", "failed", "auth_failed")),
    )
    watermark = WireTime(allow_none=True)
    lag_seconds = fields.Integer(allow_none=True, data_key="lagSeconds", attribute="lagSeconds")
    job_id = fields.String(allow_none=True, data_key="jobId", attribute="jobId")
    failures = fields.Integer()
    last_error = fields.Nested(ErrorShape, allow_none=True, data_key="lastError", attribute="lastError")
    started_at = WireTime(allow_none=True, data_key="startedAt", attribute="startedAt")
    finished_at = WireTime(allow_none=True, data_key="finishedAt", attribute="finishedAt")
    next_run_at = WireTime(data_key="nextRunAt", attribute="nextRunAt")


class SourceShape(Schema):
    source = fields.String(required=True, validate=validate.OneOf(SOURCES))
    mode = fields.String(allow_none=True, validate=validate.OneOf(("live", "mock")))
    active_job = fields.String(allow_none=True, data_key="activeJob", attribute="activeJob")
    data_version = fields.String(allow_none=True, data_key="dataVersion", attribute="dataVersion")
    next_run_at = WireTime(data_key="nextRunAt", attribute="nextRunAt")
    streams = fields.List(fields.Nested(StreamShape), required=True)


class SyncStatusAnswer(Schema):
    """Every source with its streams."""

    success = fields.Constant(True, required=True)
    sources = fields.List(fields.Nested(SourceShape), required=True)
    timestamp = WireTime(required=True)


class WindowsShape(Schema):
    total = fields.Integer(required=True)
    done = fields.Integer(required=True)


class SyncJobAnswer(Schema):
    """One run with its streams."""

    success = fields.Constant(True, required=True)
    job_id = fields.String(required=True, data_key="jobId", attribute="jobId")
    source = fields.String(required=True)
    mode = fields.String(required=True)
    sync_mode = fields.String(required=True, data_key="syncMode", attribute="syncMode")
    status = fields.String(required=True, validate=validate.OneOf(("queued", "running", "done", "failed")))
    windows = fields.Nested(WindowsShape, required=True)
    created_at = WireTime(data_key="createdAt", attribute="createdAt")
    started_at = WireTime(allow_none=True, data_key="startedAt", attribute="startedAt")
    finished_at = WireTime(allow_none=True, data_key="finishedAt", attribute="finishedAt")
    error = fields.Nested(ErrorShape, allow_none=True)
    streams = fields.List(fields.Nested(JobStreamShape), required=True)
    timestamp = WireTime(required=True)


class ReceivedAnswer(Schema):
    """The event was taken. `duplicate`: it came before, and nothing was done this time."""

    success = fields.Constant(True, required=True)
    duplicate = fields.Boolean(required=True)
