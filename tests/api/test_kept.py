"""Answers that are made once: by key, and no more than the bound."""

from jeonju.api.http.kept import MOST, Kept


def test_an_answer_is_made_once_and_the_oldest_are_forgotten() -> None:
    kept, made = Kept(), list[int]()

    def make(key: int) -> int:
        made.append(key)
        return key

    def ask(key: int) -> int:
        return int(kept.get(key, lambda: make(key)))

    assert [ask(1), ask(1)] == [1, 1]
    assert made == [1]
    for key in range(2, MOST + 2):
        ask(key)
    ask(1)
    assert made[-1] == 1
