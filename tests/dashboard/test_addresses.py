"""The address that follows a sign-in is a page of Headway, and nothing else."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headway.dashboard.addresses import below

PATH = "/dashboard"


@pytest.mark.parametrize(
    "page",
    [
        "/dashboard",
        "/dashboard?range=30",
        "/dashboard/courses/7b1f0f6e-2c5a-4f0e-9a50-0d5f0d3c1a01",
        "/dashboard/statistics?sort=progress&search=a%2Fb..c",
        "/dashboard/authoring/7b1f0f6e-2c5a-4f0e-9a50-0d5f0d3c1a01?new#lessons",
    ],
)
def test_next_may_be_a_page(page: str) -> None:
    assert below(PATH, page) == page


@pytest.mark.parametrize(
    "elsewhere",
    [
        "",
        "/",
        "/docs",
        "/dashboards",
        "//evil.example/dashboard",
        "https://evil.example/dashboard",
        "javascript:alert(1)",
        "/\\evil.example",
        "\\\\evil.example/dashboard",
        "/dashboard/..//evil.example",
        "/dashboard/../docs",
        "/dashboard/%2e%2e/docs",
        "/dashboard/%2E./docs",
        "/dashboard/a/..%2f..%2fdocs",
        "/dashboard\\..\\docs",
        "/dashboard/\tcourses",
        "/dash\nboard",
        " /dashboard",
        "/dashboard/cours es",
        "/dashboard/é",
        "/dashboard/sign-in?code=another",
        "/dashboard/sign-out",
        "/dashboard/static/headway.css",
        "/dashboard/" + "a" * 2000,
    ],
)
def test_any_other_address_leads_to_the_first_page(elsewhere: str) -> None:
    assert below(PATH, elsewhere) == PATH


@given(st.text(alphabet=st.sampled_from("/\\.%2eEfF:?#@&=adhs\t\r\n é\0"), max_size=30))
@example("/../..//")
def test_no_address_leads_out_of_the_pages(text: str) -> None:
    for wanted in (text, PATH + text, f"{PATH}/{text}"):
        led = urlsplit(urljoin("https://learn.example/dashboard/sign-in", below(PATH, wanted)))
        assert (led.scheme, led.netloc) == ("https", "learn.example")
        assert led.path == PATH or led.path.startswith(f"{PATH}/")
