"""The options of ``shopgym evaluate``, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TABLES, CSV, ANSWER = "Columns of a table", "CSV dialect (recognised unless given)", "Answer"

Log = Annotated[
    Path,
    typer.Argument(
        help="A decision log, a CSV file, a Parquet table (file or folder), a Vowpal Wabbit DSJSON file, or "
        "an Open Bandit folder.",
        metavar="LOG",
    ),
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        help="What to evaluate; may be repeated. Everywhere: 'uniform'. Tables and DSJSON: 'action:NAME', "
        "always that; 'choice:COLUMN', the action in a column; 'columns:PREFIX', the probability of each "
        "action; 'column:COLUMN', that of the logged action; 'sklearn:FILE', a classifier saved by skops, "
        "which chooses, or 'sklearn-proba:FILE', which draws by its probabilities; 'value:COLUMN', "
        "where actions are numbers. Decision logs: the folder of a bundle or of a "
        "policy of a run, runs/RUN/policies/NAME. Open Bandit: the folder of another policy's log.",
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        help="Compare with this policy: differences and relative lifts, whose intervals hold together."
    ),
]
Minimise = Annotated[bool, typer.Option("--minimise", help="The reward is a cost: less is better.")]
Estimators = Annotated[
    list[str] | None,
    typer.Option("--estimator", help="May be repeated. Default: ips, snips, dm and dr."),
]
Every = Annotated[bool, typer.Option("--all", help="Every estimator that this log allows.")]
Level = Annotated[float, typer.Option(help="Coverage of the two-sided intervals.")]
IntervalName = Annotated[
    str,
    typer.Option(
        help="delta, student, bootstrap, bca, bernstein, hoeffding, clopper-pearson, cressie-read, "
        "sequence or betting."
    ),
]
Seed = Annotated[int, typer.Option(help="Decides the folds of the models and the resamples.")]

Segments = Annotated[
    list[str] | None,
    typer.Option(
        "--segment", help="A column: also a table by its values; may be repeated.", rich_help_panel=ANSWER
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time-column", help="A column with times: also a table by period.", rich_help_panel=ANSWER
    ),
]
ByTime = Annotated[
    str | None,
    typer.Option(help="Period of --time-column: day or week. Default: day.", rich_help_panel=ANSWER),
]
Html = Annotated[
    Path | None, typer.Option(help="Also write a card for people: one HTML file.", rich_help_panel=ANSWER)
]
Csv = Annotated[Path | None, typer.Option(help="Also write the table as CSV.", rich_help_panel=ANSWER)]
Out = Annotated[
    Path | None, typer.Option(help="Also write evaluation.json into this folder.", rich_help_panel=ANSWER)
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 if an estimate is refused.", rich_help_panel=ANSWER)
]

ActionColumn = Annotated[str, typer.Option(help="The logged action.", rich_help_panel=TABLES)]
RewardColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--reward-column", help="Its reward; may be repeated. Default: reward.", rich_help_panel=TABLES
    ),
]
PropensityColumn = Annotated[
    str | None,
    typer.Option(
        help="Its logged probability. Default: 'propensity' if there is such a column; else it is estimated, "
        "and no verdict is better than caution.",
        rich_help_panel=TABLES,
    ),
]
Propensity = Annotated[
    str | None,
    typer.Option(
        help="One probability for all rows, such as 1/3 of a trial with three equal arms.",
        rich_help_panel=TABLES,
    ),
]
ContextColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--context-column",
        help="What choice and reward depend on; may be repeated; '*': the rest.",
        rich_help_panel=TABLES,
    ),
]
UserColumn = Annotated[
    str | None,
    typer.Option(help="The user, whose rounds belong together: see --by-user.", rich_help_panel=TABLES),
]
ByUser = Annotated[
    bool | None,
    typer.Option(
        help="Intervals take users as independent, not rounds (tables with --user-column, decision logs). "
        "Default: where users come back.",
        rich_help_panel=TABLES,
    ),
]
WeightColumn = Annotated[
    str | None, typer.Option(help="How many rounds the row stands for.", rich_help_panel=TABLES)
]
IdColumn = Annotated[
    str | None, typer.Option(help="Ids of the rows, which must not repeat.", rich_help_panel=TABLES)
]
UnitColumn = Annotated[
    str | None, typer.Option(help="The reward's unit, which must be one.", rich_help_panel=TABLES)
]
SlateColumn = Annotated[
    str | None, typer.Option(help="The slate of a row, one row per slot.", rich_help_panel=TABLES)
]
SlotColumn = Annotated[
    str | None, typer.Option(help="The slot of a row in its slate.", rich_help_panel=TABLES)
]
Actions = Annotated[
    str | None, typer.Option(help="All actions there are, separated by commas.", rich_help_panel=TABLES)
]
Missing = Annotated[
    str,
    typer.Option(
        help="Rows with missing values: refuse, or drop them and say how many.", rich_help_panel=TABLES
    ),
]
Stream = Annotated[
    bool | None,
    typer.Option(
        help="Read part by part, in bounded memory. Default: Parquet of over 5 million rows.",
        rich_help_panel=TABLES,
    ),
]
Workers = Annotated[
    int, typer.Option(help="Processes that share a streamed table.", min=1, rich_help_panel=TABLES)
]

Separator = Annotated[str | None, typer.Option(help="Between values, e.g. ';'.", rich_help_panel=CSV)]
Decimal = Annotated[str | None, typer.Option(help="The decimal mark, e.g. ','.", rich_help_panel=CSV)]
Thousands = Annotated[str | None, typer.Option(help="Between thousands, e.g. '.'.", rich_help_panel=CSV)]
Encoding = Annotated[str | None, typer.Option(help="Of the text, e.g. latin-1.", rich_help_panel=CSV)]
