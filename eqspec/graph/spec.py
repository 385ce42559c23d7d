"""A whole file: its declarations, the files it uses, its modules and interfaces.

In: a parsed file and the table of ops. Out: a `Spec` with the modules that came through clean, and
every diagnostic of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from eqspec.diagnostics.model import Diagnostic, Severity, Span
from eqspec.diagnostics.suggest import did_you_mean
from eqspec.graph.elaborate import user_rep, value_of_item
from eqspec.graph.groups import group_or_subgroup
from eqspec.graph.instances import Instances, default_arguments
from eqspec.graph.interface import build_interface
from eqspec.graph.memo import Memo
from eqspec.graph.model import Module, Spec
from eqspec.graph.op import OpTyping, Refusal
from eqspec.graph.reps import BUILT, NOT_BUILT
from eqspec.graph.resolve import ModuleEntry, resolve
from eqspec.graph.scope import GroupValue, Loader, RepEntry, Scope, SubgroupValue, World
from eqspec.syntax import tree


def build_spec(
    file: tree.File,
    path: Path | None,
    root: Path | None,
    ops: Mapping[str, OpTyping],
    load: Loader,
    overrides: Mapping[str, int],
    memo: Memo | None = None,
) -> tuple[Spec, list[Diagnostic]]:
    """Check everything that a file declares.

    ``path`` is where the file lies (None for standard input), ``root`` the folder outside which `use`
    may not reach, ``overrides`` the parameters set from outside. With a ``memo`` of earlier checks of the
    file only what changed since is elaborated again.
    """
    world = World(ops, load, root, overrides, value_of_item)
    scope = Scope(world, file.source, path or Path(file.source.path))
    if path is not None:
        world.files[path.resolve()] = scope
        world.loading.append(path.resolve())
    _declare(scope, file)
    _check_overrides(scope, file)
    names = {item.name.text for item in file.items if isinstance(item, tree.Module)}
    instances = Instances(world, scope, names, memo=memo)
    if memo is not None:
        memo.begin(scope, file)
    interfaces: list[Module] = []
    for name, item in list(scope.items.items()):
        try:
            value = resolve(scope, name, item.span, use=False)
        except Refusal as refusal:
            scope.gather(refusal)
            continue
        if isinstance(value, ModuleEntry):
            _top_module(instances, interfaces, value, scope)
    used = frozenset(
        world.used
    )  # below every representation is looked at, also one that nobody uses
    for (factors, name), entry in list(world.reps.items()):
        try:
            user_rep(entry, GroupValue(factors), name)
        except Refusal as refusal:
            entry.scope.gather(refusal)
    if not any(d.severity is Severity.ERROR for d in world.diagnostics):
        _lint_unused(scope, file, used)
    modules = [module for module in instances.made.values() if module is not None]
    sources = (
        scope.source,
        *(s.source for s in world.files.values() if s is not scope),
        *(world.vocabularies[path] for path in sorted(world.vocabularies)),
    )
    sizes = tuple(sorted(overrides.items()))
    spec = Spec(scope.source, (*modules, *interfaces), sources, sizes, instances.refused)
    return spec, _unique(world.diagnostics)


def _declare(scope: Scope, file: tree.File) -> None:
    """Enter the names of a file; representations go to the world, by the factors they belong to."""
    scope.broken.update(file.lost)
    reps: list[tree.RepDeclaration] = []
    for item in file.items:
        if isinstance(item, tree.RepDeclaration):
            reps.append(item)
            continue
        name = item.name.text
        if scope.declares(name):
            scope.world.diagnostics.append(
                scope.diagnostic(
                    "EQS202", f"`{name}` is declared twice", item.name.span, "the second"
                )
            )
        elif isinstance(item, tree.Use):
            _use(scope, item)
        else:
            scope.items[name] = item
    for rep in reps:
        try:
            _declare_rep(scope, rep)
        except Refusal as refusal:
            scope.gather(refusal)


def _declare_rep(scope: Scope, item: tree.RepDeclaration) -> None:

    if len(item.path.names) < 2:
        scope.refuse(
            "EQS305",
            "a representation belongs to a group",
            item.path.span,
            help=f"write `rep Group.{item.path.text} = ...`",
        )
    expr: tree.Expression = tree.Reference(item.path.names[0].text, item.path.names[0].span)
    for name in item.path.names[1:-1]:
        expr = tree.Attribute(expr, name, expr.span.to(name.span))
    group = group_or_subgroup(scope, expr)
    if isinstance(group, SubgroupValue):  # a representation of its own, for `induced`
        group = GroupValue((group.key,))
    last = item.path.names[-1]

    if last.text in BUILT or last.text in NOT_BUILT:
        scope.refuse("EQS202", f"`{last.text}` is built in", last.span, "choose another name")
    if (group.names, last.text) in scope.world.reps:
        scope.refuse(
            "EQS202", f"`{item.path.text}` is declared twice", item.path.span, "the second"
        )
    scope.world.reps[group.names, last.text] = RepEntry(scope, item)


def _use(scope: Scope, item: tree.Use) -> None:
    """Read another file into a name."""
    world = scope.world
    try:
        if world.root is None or scope.path is None:
            scope.refuse("EQS209", "a spec that is no file cannot use other files", item.file.span)
        written = item.file.value
        if "\0" in written:
            scope.refuse("EQS209", "no file has such a name", item.file.span, "a NUL")
        target = (scope.path.parent / written).resolve()
        root = world.root.resolve()
        if Path(written).is_absolute() or not target.is_relative_to(root):
            scope.refuse(
                "EQS209",
                "a file outside the project cannot be used",
                item.file.span,
                help="the project ends at the folder of the nearest pyproject.toml",
            )
        if target in world.loading:
            chain = " -> ".join(
                p.name for p in [*world.loading[world.loading.index(target) :], target]
            )
            scope.refuse("EQS209", "files use each other in a circle", item.file.span, chain)
        if len(world.loading) > 40:
            scope.refuse("EQS209", "files are used deeper than 40 levels", item.file.span)
        if target not in world.files:
            parsed, diagnostics = world.load(target, target.relative_to(root).as_posix())
            world.diagnostics.extend(diagnostics)
            if parsed is None:
                scope.refuse(
                    "EQS209",
                    f"`{written}` cannot be read",
                    item.file.span,
                    diagnostics[0].message if diagnostics else "no such file",
                )
            prefix, count = item.name.text, 1  # two files under one alias keep two groups
            while prefix in world.prefixes:
                count += 1
                prefix = f"{item.name.text}{count}"
            world.prefixes.add(prefix)
            inner = Scope(world, parsed.source, target, prefix=prefix)
            world.files[target] = inner
            world.loading.append(target)
            _declare(inner, parsed)
            world.loading.pop()
        scope.values[item.name.text] = world.files[target]
    except Refusal as refusal:
        scope.broken.add(item.name.text)
        scope.gather(refusal)


def _check_overrides(scope: Scope, file: tree.File) -> None:
    names = [item.name.text for item in file.items if isinstance(item, tree.Param)]
    for name, value in scope.world.overrides.items():
        if name not in names:
            near = did_you_mean(name, names)
            scope.world.diagnostics.append(
                scope.diagnostic(
                    "EQS215",
                    f"`--set {name}` names no parameter of this file",
                    Span(0, 0),
                    help=f"did you mean `{near}`?" if near else None,
                )
            )
        elif not 1 <= value <= 2**22:
            scope.world.diagnostics.append(
                scope.diagnostic(
                    "EQS205", f"`--set {name}` must lie between 1 and {2**22:,}", Span(0, 0)
                )
            )


def _top_module(
    instances: Instances, interfaces: list[Module], entry: ModuleEntry, scope: Scope
) -> None:
    item = entry.item
    if isinstance(item, tree.Interface):
        interface = build_interface(entry)
        if interface is not None:
            interfaces.append(interface)
        return
    try:
        seen: set[str] = set()
        for formal in item.formals:
            if formal.name.text in seen:
                scope.refuse(
                    "EQS202",
                    f"two parameters are called `{formal.name.text}`",
                    formal.name.span,
                    "the second",
                )
            seen.add(formal.name.text)
        if any(formal.default is None for formal in item.formals):
            return  # a template: checked for the arguments with which it is called

        instances.make(entry, default_arguments(item, scope), scope, item.name.span)
    except Refusal as refusal:
        scope.gather(refusal)


def _lint_unused(scope: Scope, file: tree.File, by_modules: AbstractSet[object]) -> None:
    """Declarations that nothing uses; a file without modules declares for others."""
    world = scope.world
    if not any(isinstance(item, tree.Module | tree.Interface) for item in file.items):
        return
    words = {
        tree.GroupDeclaration: "group",
        tree.Param: "parameter",
        tree.TypeAlias: "type",
        tree.Use: "file",
    }
    for item in file.items:
        if isinstance(item, tree.RepDeclaration):
            name, where, what = item.path.text, item.path.span, "representation"
        elif type(item) in words:
            name, where, what = item.name.text, item.name.span, words[type(item)]
        elif isinstance(item, tree.Module) and any(f.default is None for f in item.formals):
            name, where, what = item.name.text, item.name.span, "template"
        else:
            continue
        by = by_modules if what == "representation" else world.used
        if (id(scope), name) not in by:
            world.diagnostics.append(
                scope.diagnostic(
                    "EQS902",
                    f"the {what} `{name}` is not used",
                    where,
                    "unused",
                    severity=Severity.WARNING,
                )
            )


def _unique(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Each message once (templates are checked for every set of arguments), in order of place."""
    seen: set[tuple[str, str, int, str]] = set()
    found: list[Diagnostic] = []
    for diagnostic in sorted(diagnostics, key=lambda d: d.sort_key):
        key = (diagnostic.code, diagnostic.source.path, diagnostic.span.start, diagnostic.message)
        if key not in seen:
            seen.add(key)
            found.append(diagnostic)
    return found
