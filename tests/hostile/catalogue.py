"""Which test tries what of the catalogue of hostile input, where it is not a test of this folder, or why none does.

The numbers of this folder's tests stand in their names and ids. `test_catalogue.py` holds all of it together.
"""

from __future__ import annotations

LAST = 210

ELSEWHERE = {
    20: "tests/flow/test_load_balancer.py::test_slow_clients_hold_nobody_up_and_are_cut_off",
    165: "tests/reports/test_check.py::test_an_expression_that_is_none_of_re2_is_refused",
    181: "tests/dashboard/api/test_walls.py::test_anothers_site_is_as_one_that_does_not_exist",
    182: "tests/portal/test_quarantine_pages.py::test_a_page_that_cannot_be_is_answered",
    185: "tests/reports/test_timerange.py::test_a_pair_that_makes_no_range_is_refused_by_name",
    186: "tests/lake/test_search.py::test_pages_follow_each_other",
    188: "tests/enrich/test_geo.py::test_the_old_database_stays_when_the_new_one_is_broken",
    189: "tests/reprocess/test_recount.py::test_the_command_says_what_changed_and_refuses_nonsense",
    190: "tests/dashboard/test_settings_page.py::test_owners_and_admins_reach_it_and_viewers_do_not",
    194: "tests/dashboard/test_settings_page.py::test_limits_are_for_staff_to_set_and_for_others_to_read",
    203: "tests/pipeline/test_quarantine.py::test_more_than_a_flood_is_kept_and_said",
    207: "tests/ingest/test_access_log.py::test_a_gzip_file_that_was_cut_off_keeps_what_came_before",
}
"""Number → the test that tries it."""

UNTRIED = {
    124: "Keys are looked up by their digest, known or not, and remembered alike: no comparison depends on their text.",
    167: "There are no mails yet, and so no names in their headers.",
    183: "No address names a file: those of the lake are chosen by site and time alone.",
    184: "No links into the lake are given out.",
    191: "Staff's searches are not kept yet: they belong to the audit of the portal.",
    192: "Nobody is erased yet: it belongs to the recounts that erase.",
    193: "There are no shared links yet.",
    195: "There is no page that sends a new password: `manage.py changepassword` sets it.",
    198: "Sign-in has no limit of its own yet: it belongs to accounts.",
    210: "HTTP/2 ends at the proxy in front; the pool speaks HTTP/1.1 alone.",
}
"""Number → why no test tries it."""
