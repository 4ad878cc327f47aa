"""The page about forecasts, with its tables and pictures made from what `jeonju evaluate forecast` found."""

from pathlib import Path
from string import Template
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from jeonju.evaluation.markdown import number, percent, table

TEMPLATE: Final = Path(__file__).with_name("forecast.md.in")
PICTURE: Final = Path("images/forecast-reliability.png")
HEAD: Final = ("", "hours ahead", "RMSE", "without lone hours", "CRPS", "in 50 %", "in 90 %", "hits", "false alarms")
PICTURED_H: Final = "6"
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#17202a")


def write_page(result: dict[str, Any], page: Path) -> None:
    """Write the page, and its picture beside it."""
    city = [one for one in result["series"] if one["place"] == "jeonju"]
    others = [one for one in result["series"] if one["place"] != "jeonju"]
    years = sorted({one["judged_year"] for one in result["series"]})
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        judged=" and ".join(map(str, years)),
        city=_scores(city, result["baselines"]),
        target=_target(result["target"]),
        conclusion=_conclusion(result["target"]),
        limits=_limits(result["baselines"]),
        others=_scores(others, result["baselines"]),
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
    _draw([*[one for one in city if "perfect" not in one["inputs"]][-1:], *others], page.parent / PICTURE)


def _scores(series: list[dict[str, Any]], baselines: list[dict[str, Any]]) -> str:
    rows = []
    for place, quantity in dict.fromkeys((one["place"], one["quantity"]) for one in series):
        name = f"{place} {quantity}: "
        of_others = next(one for one in baselines if (one["place"], one["quantity"]) == (place, quantity))
        for ahead_h, models in of_others["hours_ahead"].items():
            rows += [_row(f"{name}{model}", ahead_h, scored) for model, scored in models.items()]
            ours = [one for one in series if (one["place"], one["quantity"]) == (place, quantity)]
            rows += [_row(f"{name}**{one['inputs']}**", ahead_h, one["hours_ahead"][ahead_h]) for one in ours]
    return table(HEAD, rows)


def _row(name: str, ahead_h: str, scored: dict[str, Any]) -> list[str]:
    errors = [number(scored[key]) for key in ("rmse", "rmse_without_lone_hours", "crps")]
    shares = [percent(scored[key]) for key in ("coverage_50", "coverage_90")]
    return [name, ahead_h, *errors, *shares, f"{scored['hits']} of {scored['bad_hours']}", str(scored["false_alarms"])]


def _target(target: list[dict[str, Any]]) -> str:
    head = (
        "inputs",
        "hours ahead",
        "RMSE / ridge",
        "without lone hours",
        "CRPS / ridge",
        "hits more",
        "false alarms more",
    )
    names = ("rmse_to_ridge", "rmse_without_lone_hours_to_ridge", "crps_to_ridge")
    more = ("hits_to_persistence", "false_alarms_to_persistence")
    return table(
        head,
        [
            [
                row["inputs"],
                str(row["hours_ahead"]),
                *(f"{row[key]:.3f}" for key in names),
                *(str(row[key]) for key in more),
            ]
            for row in target
        ],
    )


def _conclusion(target: list[dict[str, Any]]) -> str:
    """Say which part of what was wanted is reached: an error a tenth below that of ridge, and a lead over persistence in both."""
    wanted = "Wanted is an RMSE a tenth below that of ridge regression, and persistence's hits at least with fewer false alarms. "
    if not target:
        return wanted
    near = [row for row in target if row["rmse_to_ridge"] <= 0.9]
    near_air = [row for row in target if row["rmse_without_lone_hours_to_ridge"] <= 0.9]
    leads = [row for row in target if row["hits_to_persistence"] >= 0 and row["false_alarms_to_persistence"] < 0]

    def named(rows: list[dict[str, Any]]) -> str:
        return "; ".join(f"{row['inputs']}, {row['hours_ahead']} h" for row in rows) or "nothing"

    return (
        f"{wanted}The error is reached by: {named(near)}. Without lone hours by: {named(near_air)}. "
        f"The lead over persistence is reached by: {named(leads)}."
    )


def _limits(baselines: list[dict[str, Any]]) -> str:
    """Say where the error of ridge regression lies: which part of it nobody could foresee, and in how few hours most of it is."""
    of_city = [one["hours_ahead"] for one in baselines if one["place"] == "jeonju"]
    parts = []
    for ahead_h in ("6", "24") if of_city else ():
        ridge = of_city[0][ahead_h]["ridge"]
        lone = 1 - (ridge["rmse_without_lone_hours"] / ridge["rmse"]) ** 2
        parts.append(
            f"{ahead_h} hours ahead lone hours hold {percent(lone)} % of the squared error of ridge regression, and the worst hundredth of all "
            f"hours {percent(ridge['error_in_worst_percent'])} %"
        )
    return f"Where the error lies: {'; '.join(parts)}. No model can foresee a lone hour." if parts else ""


def _draw(series: list[dict[str, Any]], file: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    left.plot([0, 1], [0, 1], color="#8796a5", lw=1)
    right.axhline(0.1, color="#8796a5", lw=1)
    for one, colour in zip(series, COLOURS * 2, strict=False):
        seen = one["hours_ahead"][PICTURED_H]["reliability"]
        label = f"{one['place']} {one['quantity']}"
        bins = [part for part in seen["bad"] if part["hours"] >= 20]
        left.plot(
            [part["said"] for part in bins], [part["came"] for part in bins], "o-", color=colour, ms=4, label=label
        )
        right.plot([tenth / 10 + 0.05 for tenth in range(10)], seen["pit"], "o-", color=colour, ms=4)
    left.set(xlabel="probability of a bad hour that was forecast", ylabel="how often it came", xlim=(0, 1), ylim=(0, 1))
    right.set(xlabel="where the hour lay in its distribution (PIT)", ylabel="share of hours", ylim=(0, 0.25))
    left.legend(frameon=False, fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)
