"""The material handlers: one card at a time, again without a light, the same way for a seed."""

from edge_agent.demo.people import CARDS_MAX, PATIENCE_NS, Handler
from edge_agent.reactor import NEVER


def handler(seed: int = 1, speed: float = 1.0) -> Handler:
    return Handler("A1", 1000, speed, seed, 0)


def round_of(person: Handler, scans: int) -> list[tuple[int, str]]:
    seen = []
    for _ in range(scans):
        now_ns = person.due_ns
        text = person.act(now_ns)
        assert text is not None
        seen.append((now_ns, text))
        person.lit(text, now_ns)
    return seen


def test_nothing_happens_before_its_time() -> None:
    person = handler()
    assert person.act(person.due_ns - 1) is None


def test_without_a_light_the_same_card_is_scanned_again() -> None:
    person = handler()
    began_ns = person.due_ns
    text = person.act(began_ns)
    assert person.due_ns == began_ns + PATIENCE_NS
    assert person.act(person.due_ns) == text


def test_the_light_of_another_card_is_not_ours() -> None:
    person = handler()
    text = person.act(person.due_ns)
    person.lit("YOU-0001", person.due_ns)
    assert person.holds == text


def test_the_same_seed_walks_the_same_way() -> None:
    assert round_of(handler(7), 50) == round_of(handler(7), 50)
    assert round_of(handler(7), 50) != round_of(handler(8), 50)


def test_speed_shortens_the_way_between_cards() -> None:
    slow, fast = round_of(handler(1, 1.0), 400), round_of(handler(1, 10.0), 400)
    assert 8 < slow[-1][0] / fast[-1][0] < 12


def test_a_round_has_every_card_once() -> None:
    texts = [text for _, text in round_of(handler(), CARDS_MAX)]
    assert len(set(texts)) == CARDS_MAX


def test_going_home_finishes_the_card_in_the_hand_and_takes_no_other() -> None:
    person = handler()
    text = person.act(person.due_ns)
    assert text is not None
    person.go_home()
    assert person.due_ns != NEVER
    person.lit(text, person.due_ns)
    assert person.due_ns == NEVER
    idle = handler()
    idle.go_home()
    assert idle.due_ns == NEVER
