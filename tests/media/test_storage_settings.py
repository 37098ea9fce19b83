"""Where files are kept and how long, as an operator says it."""

from datetime import timedelta

import pytest

from oncue.lib.buckets import Bucket
from oncue.settings import MEDIA_RETENTION, BadSetting, load


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("s3://photos", Bucket(name="photos")),
        (
            "s3://photos/of/ours/?region=eu-central-1",
            Bucket(name="photos", prefix="of/ours", region="eu-central-1"),
        ),
        (
            "s3://my.photos?endpoint=http://minio:9000/&public_endpoint=https://s3.example.com",
            Bucket(
                name="my.photos",
                endpoint="http://minio:9000",
                public_endpoint="https://s3.example.com",
            ),
        ),
    ],
)
def test_a_bucket_is_named_by_a_url(text: str, bucket: Bucket) -> None:
    assert load({"ONCUE_MEDIA_URL": text}).media_bucket == bucket


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/var/media", "reads s3://"),
        ("gs://photos", "reads s3://"),
        ("s3://", "reads s3://"),
        ("s3://Photos", "reads s3://"),
        ("s3://key:secret@photos", "reads s3://"),
        ("s3://photos?endpoint=minio:9000", "begins with https://"),
        ("s3://photos?public_endpoint=ftp://s3", "begins with https://"),
        ("s3://photos?secret=x", "not secret"),
    ],
)
def test_what_names_no_bucket_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadSetting, match=f"ONCUE_MEDIA_URL .*{says}"):
        load({"ONCUE_MEDIA_URL": text})


def test_without_a_setting_files_are_in_the_data_folder_for_a_quarter() -> None:
    settings = load({"ONCUE_DATA_DIR": "/somewhere"})

    assert settings.media_bucket is None
    assert str(settings.media_dir) == "/somewhere/media"
    assert settings.media_retention == MEDIA_RETENTION == timedelta(days=90)


def test_files_that_nobody_uses_are_kept_as_long_as_is_said() -> None:
    def kept(days: str) -> timedelta | None:
        return load({"ONCUE_MEDIA_RETENTION_DAYS": days}).media_retention

    assert (kept("7"), kept("0")) == (timedelta(days=7), None)
    for wrong in ("-1", "soon", "1.5", "40000", "٣"):
        with pytest.raises(BadSetting, match="ONCUE_MEDIA_RETENTION_DAYS"):
            kept(wrong)


def test_the_public_address_is_this_machines_unless_it_is_said() -> None:
    said = load({"ONCUE_PUBLIC_URL": "https://oncue.example.com/"})

    assert said.address == "https://oncue.example.com"
    assert load({}).address == "http://127.0.0.1:8080"
