"""The address of a webhook as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.errors import InvalidValueError
from headway.domain.networks import read_network
from headway.domain.webhook_address import LONGEST_ADDRESS, read_address

LOOPBACK = (read_network("127.0.0.0/8"), read_network("::1/128"))
TOKEN = "a-token-in-the-path"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("https://lms.example/hooks", "https://lms.example/hooks"),
        ("HTTPS://LMS.Example/Hooks?A=b", "https://lms.example/Hooks?A=b"),
        ("https://lms.example", "https://lms.example/"),
        ("https://lms.example.", "https://lms.example/"),
        ("https://lms.example:443/a", "https://lms.example/a"),
        ("https://lms.example:8443/a", "https://lms.example:8443/a"),
        ("https://lms.example:08443/a", "https://lms.example:8443/a"),
        ("https://lms.example?a", "https://lms.example/?a"),
        ("https://lms.example/a;b?c;d=%20@!", "https://lms.example/a;b?c;d=%20@!"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://straße.example/a", "https://xn--strae-oqa.example/a"),
        ("https://lms。example/a", "https://lms.example/a"),
        ("https://my_service/a", "https://my_service/a"),
        ("https://93.184.215.14/a", "https://93.184.215.14/a"),
        ("https://[2606:4700:4700:0::1111]:8443/a", "https://[2606:4700:4700::1111]:8443/a"),
    ],
)
def test_an_address_is_kept_in_its_canonical_form(written: str, canonical: str) -> None:
    assert read_address(written, ()) == canonical
    assert read_address(canonical, ()) == canonical


@pytest.mark.parametrize(
    "disguise",
    [
        "127.0.0.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0",
        "127.0.0.1.", "0x7F.0.0.0x1", "\uff11\uff12\uff17.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "127.0.0.08",
        "1.2.3.4.5", "999.1.1.1", "0x", "a.0x7f", "lms.example.1", "10.0.0.1", "169.254.169.254", "0.0.0.0",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[fe80::1%25eth0]",
        "[fe80::1%eth0]", "[fe80::1]", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[::127.0.0.1]", "[2002:7f00:1::]",
        "[127.0.0.1]", "[v1.a]", "[::1", "::1]", "a[::1]", "[::1]a", "[2606:4700:4700::1111].example",
    ],
)  # fmt: skip
def test_no_disguise_of_an_address_passes(disguise: str) -> None:
    with pytest.raises(InvalidValueError):
        read_address(f"https://{disguise}/hooks", ())


@pytest.mark.parametrize(
    "wrong",
    [
        "", "lms.example", "//lms.example/a", "ftp://lms.example/a", "https:lms.example", "https:///a", "https://",
        "javascript:alert(1)", "file:///etc/passwd", "https://me@lms.example/a", "https://me:word@lms.example/a",
        "https://@lms.example/a", "https://lms.example%2f@127.0.0.1/a", "https://lms.example/a#b", "https://lms.example#",
        "https://lms.example:0/a", "https://lms.example:65536/a", "https://lms.example:/a", "https://lms.example:x/a",
        "https://lms.example:-1/a", "https://lms.example:\uff18443/a", "https://lms.example:80:80/a", "https://:443/a",
        "https://lms.example/a b", "https://lms.example/a\r\nX: y", "https://lms.example/\t", " https://lms.example/a",
        "https://lms.example/a\n", "https://lms.example\\@evil.example/a", "https://lms.example/ä", "https://lms.example/\\",
        "https://-lms.example/a", "https://lms-.example/a", "https://lms..example/a", "https://.example/a",
        "https://lms.exam ple/a", "https://lms.ex%61mple/a", "https://lms.exa*mple/a", "https://../a",
        f"https://{'a' * 64}.example/a", f"https://{'a.' * 126}aa/a", "https://\u200dlms.example/a", "https://xn--\u0080/a",
        f"https://lms.example/{'a' * LONGEST_ADDRESS}", "http://lms.example/a", "http://93.184.215.14/a",
    ],
)  # fmt: skip
def test_any_other_address_is_refused_without_its_text(wrong: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        read_address(wrong, ())
    assert [problem.location for problem in refused.value.problems] == [("address",)]
    assert "example/a" not in str(refused.value).replace("lms.example/hooks", "")


def test_a_refusal_does_not_repeat_what_may_be_a_secret() -> None:
    for wrong in (
        f"https://me:{TOKEN}@lms.example/{TOKEN}",
        f"http://lms.example/{TOKEN}",
        f"https://10.0.0.1/{TOKEN}#",
    ):
        with pytest.raises(InvalidValueError) as refused:
            read_address(wrong, ())
        assert TOKEN not in f"{refused.value!r} {refused.value}"


def test_an_allowed_network_permits_http_and_its_own_addresses() -> None:
    assert read_address("http://127.0.0.1:80/a", LOOPBACK) == "http://127.0.0.1/a"
    assert read_address("http://[::1]:8080/a", LOOPBACK) == "http://[::1]:8080/a"
    assert read_address("https://127.0.0.2/a", LOOPBACK) == "https://127.0.0.2/a"
    assert read_address("http://receiver/a", LOOPBACK) == "http://receiver/a"
    for wrong in (
        "http://93.184.215.14/a",
        "http://10.0.0.1/a",
        "https://10.0.0.1/a",
        "http://2130706433/",
        "ftp://127.0.0.1/a",
    ):
        with pytest.raises(InvalidValueError):
            read_address(wrong, LOOPBACK)


@given(
    st.text()
    | st.from_regex(r"https://[^/]*(/.*)?", fullmatch=True)
    | st.from_regex(r"https://\[?[0-9a-fx:.%]+\]?(:[0-9]*)?/")
)
def test_any_text_is_read_or_refused_and_what_is_read_stays_as_it_is(text: str) -> None:
    try:
        canonical = read_address(text, ())
    except InvalidValueError:
        return
    assert canonical.isascii()
    assert len(canonical) <= LONGEST_ADDRESS
    assert read_address(canonical, ()) == canonical
