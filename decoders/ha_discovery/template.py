"""The part of Jinja that value templates use: members of the payload, filters for numbers, arithmetic, conditions. No loops, no calls into Python.

A template is parsed once, within bounds; evaluating it takes no more steps than it has parts. Longer than other files, as it is one grammar.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from jeonju.decoders.ha_discovery.tokens import END, number, tokens
from jeonju.decoders.ha_discovery.values import (
    ARITHMETIC,
    COMPARISONS,
    FUNCTIONS,
    MISSING,
    TESTS,
    Evaluate,
    Node,
    Scope,
    TemplateError,
    both,
    chosen,
    combined,
    compared,
    constant,
    cut,
    either,
    formatted,
    is_true,
    joined,
    member,
    rendered,
    tested,
)

LONGEST_TEMPLATE: Final = 1000
MOST_PARTS: Final = 120
DEEPEST: Final = 12
_SEGMENT: Final = re.compile(r"\{\{-?(.*?)-?\}\}|\{%-?(.*?)-?%\}|\{#.*?#\}", re.DOTALL)
_CONSTANTS: Final = {"none": None, "None": None, "true": True, "True": True, "false": False, "False": False}
_RESERVED: Final = frozenset(("if", "else", "and", "or", "not", "in", "is"))


@dataclass(frozen=True)
class Template:
    """A parsed template. `pointer` is the JSON pointer to the one member that it reads; None where it reads several or the bare payload."""

    text: str
    pointer: str | None
    _render: Evaluate

    def render(self, scope: Scope) -> Any:
        """Return the value, MISSING where there is none; raises TemplateError, and RejectedError for a payload that is not JSON."""
        try:
            value = self._render(scope)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise TemplateError(str(error)) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise TemplateError("it gives no finite number")
        return MISSING if value is None else value


@lru_cache(maxsize=2000)
def parse(text: str) -> Template:
    """Return a template; raises TemplateError for what is not understood."""
    if len(text) > LONGEST_TEMPLATE:
        raise TemplateError(f"it is longer than {LONGEST_TEMPLATE} characters")
    parser = _Parser()
    segments = _segments(text)
    block = parser.block(segments, ())
    if segments:
        raise TemplateError(f"{segments[0][1][:40]!r} has no beginning")
    pointers = {"".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps) for steps in parser.read}
    return Template(text, pointers.pop() if len(pointers) == 1 else None, block.of)


def _segments(text: str) -> list[tuple[str, str]]:
    """Return kind (text, output, statement) and content of all parts."""
    found, end = list[tuple[str, str]](), 0
    for one in _SEGMENT.finditer(text):
        found.append(("text", text[end : one.start()]))
        if one[1] is not None or one[2] is not None:
            found.append(("output", one[1]) if one[1] is not None else ("statement", one[2].strip()))
        end = one.end()
    found.append(("text", text[end:]))
    if any(kind == "text" and ("{{" in part or "{%" in part) for kind, part in found):
        raise TemplateError("a bracket is not closed")
    return [(kind, part) for kind, part in found if kind != "text" or part.strip()]


class _Parser:
    """Parses by recursive descent."""

    def __init__(self) -> None:
        self.read: set[tuple[str, ...]] = set()
        self._tokens: list[tuple[str, str]] = []
        self._variables: set[str] = set()
        self._parts = self._depth = 0

    # Statements

    def block(self, segments: list[tuple[str, str]], until: tuple[str, ...]) -> Node:
        """Return what renders the segments up to a statement that begins with one of some words, and take them off the list."""
        parts: list[Node] = []
        while segments:
            kind, content = segments[0]
            word = content.split(None, 1)[0] if kind == "statement" and content else ""
            if word in until:
                break
            segments.pop(0)
            self._count()
            if kind == "text":
                parts.append(constant(content))
            elif kind == "output":
                parts.append(self.expression(content))
            elif word == "if":
                parts.append(self._if(content.removeprefix("if"), segments))
            elif word == "set":
                parts.append(self._set(content.removeprefix("set")))
            else:
                raise TemplateError(f"{content[:40]!r} is not understood")
        return Node(rendered(parts), constant=all(part.constant for part in parts))

    def _if(self, condition: str, segments: list[tuple[str, str]]) -> Node:
        self._deeper(1)
        test, then = self.expression(condition), self.block(segments, ("elif", "else", "endif"))
        if not segments:
            raise TemplateError("an `if` has no end")
        _, content = segments.pop(0)
        otherwise = constant(None)
        if content.startswith("elif"):
            otherwise = self._if(content.removeprefix("elif"), segments)
        elif content.startswith("else"):
            otherwise = self.block(segments, ("endif",))
            if not segments:
                raise TemplateError("an `else` has no end")
            segments.pop(0)
        self._deeper(-1)
        return Node(chosen(test, then, otherwise), constant=then.constant)

    def _set(self, content: str) -> Node:
        name, equals, value = content.partition("=")
        if not equals or not name.strip().isidentifier():
            raise TemplateError(f"'set {content[:40]}' is not understood")
        node = self.expression(value)
        self._variables.add(name.strip())

        def assign(scope: Scope) -> None:
            scope.variables[name.strip()] = node.of(scope)

        return Node(assign)

    # Expressions

    def expression(self, text: str) -> Node:
        """Return one whole expression."""
        self._tokens = tokens(text)
        node = self._choice()
        if self._next() != END:
            raise TemplateError(f"{self._next()[1]!r} is not expected")
        return node

    def _choice(self) -> Node:
        self._deeper(1)
        then = self._any()
        if self._take("if"):
            test = self._any()
            otherwise = self._choice() if self._take("else") else constant(None)
            then = self._made(chosen(test, then, otherwise), fixed=then.constant)
        self._deeper(-1)
        return then

    def _any(self) -> Node:
        left = self._all()
        while self._take("or"):
            left = self._made(either(left, self._all()))
        return left

    def _all(self) -> Node:
        left = self._not()
        while self._take("and"):
            left = self._made(both(left, self._not()))
        return left

    def _not(self) -> Node:
        turned = 0
        while self._take("not"):
            turned += 1
        node = self._comparison()
        even = turned % 2 == 0
        return self._made(lambda scope: is_true(node.of(scope)) is even) if turned else node

    def _comparison(self) -> Node:
        left = self._joined()
        word = self._next()[1]
        if word == "not" and self._tokens[1] == ("name", "in") and self._take(word):
            word = "not in"
            self._tokens[0] = ("name", word)
        if word in COMPARISONS and self._take(word):
            right, compare = self._joined(), COMPARISONS[word]
            return self._made(lambda scope: compared(compare, left.of(scope), right.of(scope)))
        return left

    def _joined(self) -> Node:
        left = self._sum()
        while self._take("~"):
            left = self._made(joined(left, self._sum()))
        return left

    def _sum(self) -> Node:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._chain(("*", "/", "//", "%"), self._filtered)

    def _chain(self, marks: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        left = operand()
        while (mark := self._next()[1]) in marks and self._take(mark):
            right = operand()
            text = left.of(Scope("")) if mark == "%" and left.constant else None
            if isinstance(text, str):
                left = self._made(_filled(text, right))
            else:
                left = self._made(combined(ARITHMETIC[mark], left, right), fixed=left.constant and right.constant)
        return left

    def _filtered(self) -> Node:
        minus = False
        while self._take("-"):
            minus = not minus
        node = self._member()
        if minus:
            node = self._made(combined(ARITHMETIC["*"], node, constant(-1)), fixed=node.constant)
        while True:
            if self._take("|"):
                name, arguments = self._name(), self._arguments() if self._next()[1] == "(" else []
                node = self._called(name, [("", node), *arguments])
            elif self._take("is"):
                negated = self._take("not")
                test = TESTS.get(name := self._name())
                if test is None:
                    raise TemplateError(f"the test {name!r} is not understood")
                node = self._made(tested(test, node, negated=negated))
            else:
                return node

    def _member(self) -> Node:
        node = self._atom()
        while True:
            if self._take("."):
                kind, name = self._next()
                self._tokens.pop(0)
                if self._next()[1] == "(":
                    node = self._called(f".{name}", [("", node), *self._arguments()])
                    continue
                if kind not in ("name", "number"):
                    raise TemplateError(f"{name!r} is no member")
                key = constant(int(name) if kind == "number" and name.isdecimal() else name)
            elif self._take("["):
                begin = constant(None) if self._next()[1] == ":" else self._choice()
                if self._take(":"):
                    node = self._slice(node, begin)
                    continue
                key = begin
                self._expect("]")
            else:
                return self._leads(node)
            steps = None
            if node.steps is not None and key.constant:
                steps = (*node.steps, str(key.of(Scope(""))))
            node = self._made(member(node, key), steps=steps)

    def _slice(self, node: Node, begin: Node) -> Node:
        end = constant(None) if self._next()[1] == "]" else self._choice()
        self._expect("]")
        whole = self._leads(node)
        return self._made(lambda scope: cut(whole.of(scope), begin.of(scope), end.of(scope)))

    def _leads(self, node: Node) -> Node:
        if node.steps is not None:
            self.read.add(node.steps)
        return node

    def _atom(self) -> Node:
        kind, text = self._next()
        self._tokens.pop(0)
        if kind == "number":
            return constant(number(text))
        if kind == "text":
            return constant(re.sub(r"\\(.)", r"\1", text[1:-1]))
        if text == "(":
            node = self._choice()
            self._expect(")")
            return node
        if text == "[":
            return self._list()
        if text == "{}":
            return constant({})
        if kind != "name" or text in _RESERVED:
            raise TemplateError(f"{text!r} is not expected" if text else "it ends too early")
        if self._next()[1] == "(":
            return self._called(text, self._arguments())
        return constant(_CONSTANTS[text]) if text in _CONSTANTS else self._variable(text)

    def _list(self) -> Node:
        items = [self._choice()] if self._next()[1] != "]" else []
        while self._take(","):
            items.append(self._choice())
        self._expect("]")
        return self._made(lambda scope: [item.of(scope) for item in items])

    def _variable(self, name: str) -> Node:
        if name == "value_json":
            return self._made(Scope.value_json, steps=())
        if name == "value":
            return self._made(lambda scope: scope.value)
        if name == "this":
            # The entity as it was before: nothing new.
            return self._made(lambda _: MISSING)
        if name not in self._variables:
            raise TemplateError(f"{name!r} is not known")
        return self._made(lambda scope: scope.variables.get(name, MISSING))

    def _arguments(self) -> list[tuple[str, Node]]:
        self._expect("(")
        found: list[tuple[str, Node]] = []
        while not self._take(")"):
            if found:
                self._expect(",")
            name = self._name() if self._tokens[1:2] == [("mark", "=")] else ""
            if name:
                self._expect("=")
            found.append((name, self._choice()))
        return found

    def _called(self, name: str, arguments: list[tuple[str, Node]]) -> Node:
        apply = FUNCTIONS.get(name)
        if apply is None or not arguments:
            raise TemplateError(f"{name.removeprefix('.')!r} is not understood")
        # What stands for a value that cannot be rounded is no measurement.
        subject, *others = (node for key, node in arguments if (name, key) != ("round", "default"))
        if name == ".get" and subject.steps is not None and others and others[0].constant:
            self.read.add((*subject.steps, str(others[0].of(Scope("")))))
        return self._made(lambda scope: apply(subject.of(scope), others, scope))

    # Tokens and bounds

    def _next(self) -> tuple[str, str]:
        return self._tokens[0]

    def _take(self, text: str) -> bool:
        kind, found = self._tokens[0]
        if found != text or kind in ("text", "end"):
            return False
        self._tokens.pop(0)
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise TemplateError(f"{text!r} is missing")

    def _name(self) -> str:
        kind, text = self._next()
        if kind != "name":
            raise TemplateError(f"{text!r} is no name")
        self._tokens.pop(0)
        return text

    def _made(self, of: Evaluate, *, fixed: bool = False, steps: tuple[str, ...] | None = None) -> Node:
        self._count()
        return Node(of, fixed, steps)

    def _count(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TemplateError(f"it has more than {MOST_PARTS} parts")

    def _deeper(self, by: int) -> None:
        self._depth += by
        if self._depth > DEEPEST:
            raise TemplateError(f"it is nested deeper than {DEEPEST}")


def _filled(text: str, value: Node) -> Evaluate:
    return lambda scope: formatted(text, [value], scope)
