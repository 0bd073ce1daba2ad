"""Recipes: the shipped ones, overrides, and problems, which are all listed at once."""

from pathlib import Path

import pytest

from distill.data.characters import characters_of_sets
from distill.digests import digest_of
from distill.recipe.file import RENAMED, load_recipe, shipped_recipes
from distill.recipe.sections import RecipeError
from distill.synthesis.source import RenderedSource
from students.parts import n_parameters

SHIPPED = sorted(shipped_recipes())


def test_enough_is_shipped() -> None:
    assert {"smoke", "quick", "receipts"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_is_valid_and_bears_its_name(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about
    assert shipped_recipes()[name].startswith("# ")


@pytest.mark.parametrize("old", sorted(RENAMED))
def test_a_renamed_recipe_is_opened_by_its_old_name_with_a_note(old: str, caplog: pytest.LogCaptureFixture) -> None:
    renamed = load_recipe(old)
    assert f"the recipe {old} is called {RENAMED[old]} now" in caplog.text
    assert renamed == load_recipe(RENAMED[old], [f"name={old}"])


def problems(*overrides: str) -> str:
    with pytest.raises(RecipeError) as error:
        load_recipe("smoke", overrides)
    return str(error.value)


def test_all_problems_are_listed_at_once_each_with_its_key_and_the_nearest_name() -> None:
    wrong = "student.model.kind=recurent image.heigth_px=32 data.train.0.linse=4 teacher.training.steps=0"
    message = problems(*wrong.split(), "objectiv.ctc_weight=1", "data.train.1.kind=parquett")
    assert "6 problems" in message
    for part in (
        "student.model.kind: 'recurent' is not one of 'recurrent'",
        "image.heigth_px: no such key; did you mean 'height_px'?",
        "data.train.0.linse: no such key; did you mean 'lines'?",
        "teacher.training.steps: Input should be greater than or equal to 1 (got 0)",
        "objectiv: no such key; did you mean 'objective'?",
        "data.train.1.kind: 'parquett' is not one of",
    ):
        assert part in message, message


def test_a_list_that_must_not_be_empty_says_how_many_it_needs() -> None:
    assert "data.train: needs at least 1, and has 0" in problems("data.train=[]")


@pytest.mark.parametrize("override", ["nonsense", "=3", "data.train.9.lines=3", "name.deeper=1", "seed=[1"])
def test_an_override_that_fits_nowhere_is_named(override: str) -> None:
    assert f"override {override!r}: " in problems(override)


def test_overrides_reach_every_depth_and_are_yaml() -> None:
    recipe = load_recipe(
        "smoke",
        ["teacher.training.learning_rate=1e-3", "data.train.0.lines=7", "seed=0123", "student.control=false"],
    )
    assert recipe.teacher.training.learning_rate == 1e-3
    assert recipe.data.train[0].lines == 7  # type: ignore[union-attr]
    assert recipe.seed == 123
    assert recipe.student.control is False


def test_a_kind_does_not_undo_earlier_overrides() -> None:
    large, kind = "student.model.size=large", "student.model.kind=convolutional"
    assert load_recipe("smoke", [kind, large]).student.model.size == "large"  # type: ignore[union-attr]
    assert load_recipe("smoke", [kind, "student.model.kind=digits"]).student.model.kind == "digits"
    assert f"{kind!r}: would undo {large!r} before it; give the kind first" in problems(large, kind)


def write(folder: Path, text: str, name: str = "mine.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: a\nseed: 1\nseed: 2\n", "line 3.*duplicate key"),
        ("name: [a\n", "line"),
        ("- a\n- b\n", "holds no sections"),
        ("", "holds no sections"),
        ("extends: nowhere\n", "neither a shipped recipe"),
        ("extends: 3\n", "one name or path"),
        (
            "extends: smoke\nname: 2026-11-30\n",
            "'2026-11-30' is read as a date, which no key takes; put a text in quotes",
        ),
        ("extends: smoke\nabout: !!binary aGk=\n", "is read as a bytes"),
        ("name: !!python/object/apply:os.system ['true']\n", "line 1|constructor|undefined"),
    ],
)
def test_a_broken_file_is_one_message_with_its_place(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason) as error:
        load_recipe(write(tmp_path, text))
    assert ("nowhere" if "nowhere" in text else "mine.yaml") in str(error.value)


def test_a_name_that_is_nearly_right_is_guessed() -> None:
    with pytest.raises(RecipeError, match="did you mean 'receipts'"):
        load_recipe("reciepts")


def test_extends_lays_recipes_over_one_another(tmp_path: Path) -> None:
    above = write(
        tmp_path,
        "extends: smoke\nname: mine\nteacher: {training: {steps: 5}}\nstudent: {model: {kind: recurrent}}\n",
    )
    recipe = load_recipe(above)
    assert (recipe.name, recipe.teacher.training.steps) == ("mine", 5)
    assert recipe.teacher.training.batch_lines == load_recipe("smoke").teacher.training.batch_lines
    assert recipe.student.model.kind == "recurrent"
    third = load_recipe(write(tmp_path, f"extends: {above}\nstudent: {{training: {{steps: 7}}}}\n", "third.yaml"))
    assert (third.name, third.teacher.training.steps, third.student.training.steps) == ("third", 5, 7)


def test_recipes_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(f"extends: {other}\n")
    other.write_text(f"extends: {one}\n")
    with pytest.raises(RecipeError, match=r"extends .*, which extends it: .*one\.yaml > .*other\.yaml > .*one\.yaml"):
        load_recipe(str(one))


OWN_LINES = """extends: receipts
data:
  train: [{kind: folder, name: mine, path: crops}]
  test: [{kind: folder, name: kept-apart, path: test}]
"""


def test_own_lines_take_over_nothing_that_is_said_of_other_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe, below = load_recipe(write(tmp_path, OWN_LINES)), load_recipe("receipts")
    assert [source.name for source in recipe.data.train] == ["mine"]
    for part, of_below in ((recipe.teacher, below.teacher), (recipe.student, below.student)):
        assert (part.stages, part.sources, part.mix) == ((), None, None)
        assert part.training == of_below.training
    assert recipe.data.cut is not None
    assert below.data.cut is not None
    assert (recipe.data.cut.share, recipe.data.cut.document, recipe.data.cut.sources) == (
        below.data.cut.share,
        "^(.*)$",
        None,
    )
    assert "teacher.sources, teacher.stages, student.sources, student.stages, the documents of data.cut" in caplog.text
    kept = load_recipe(write(tmp_path, OWN_LINES.replace("name: mine", "name: sroie") + "teacher: {stages: []}\n"))
    assert kept.data.cut is not None
    assert kept.teacher.sources is None  # it names mixed-in as well, which is not there
    cut = load_recipe(
        write(tmp_path, OWN_LINES.replace("test: [{kind: folder, name: kept-apart, path: test}]", "test_cut: {}"))
    )
    assert (cut.data.test, cut.data.test_cut is None) == ((), False)
    own_share = load_recipe(write(tmp_path, f"{OWN_LINES}  cut: {{share: 0.2}}\n")).data.cut
    assert own_share is not None
    assert (own_share.share, own_share.document, own_share.sources) == (0.2, "^(.*)$", None)


def test_a_recipe_is_named_as_its_file_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, "extends: smoke\n")).name == "mine"
    with pytest.raises(RecipeError, match="name"):
        load_recipe(write(tmp_path, "extends: smoke\nname: ..\n"))


def nine_of(anchor: str) -> str:
    return f"[{','.join([anchor] * 9)}]"


NESTED = "".join(f"x{i}: &a{i} {nine_of(f'*a{i - 1}' if i else '*a')}\n" for i in range(9))


@pytest.mark.parametrize("bomb", ["self: &a {again: *a}", f"x: &a {nine_of('1')}\n{NESTED}"])
def test_aliases_without_end_are_refused(tmp_path: Path, bomb: str) -> None:
    with pytest.raises(RecipeError):
        load_recipe(write(tmp_path, bomb))


def test_the_embedded_default_has_a_teacher_ten_times_its_student_and_six_unseen_test_families() -> None:
    recipe = load_recipe("quick")
    sizes = [n_parameters(part.model.build(90, 1, 32)) for part in (recipe.teacher, recipe.student)]
    assert sizes[0] >= 10 * sizes[1]
    seen = {f for source in (*recipe.data.train, *recipe.data.validation) for f in source.fonts}  # type: ignore[union-attr]
    (test,) = recipe.data.test
    assert len(set(test.fonts) - seen) >= 6  # type: ignore[union-attr]
    assert test.lines >= 2000  # type: ignore[union-attr]
    assert any(source.drop_labels for source in recipe.data.train)


@pytest.mark.parametrize(
    ("name", "least_classes", "most_parameters"), [("hanzi", 8_900, 2_000_000), ("quick-hanzi", 1_300, 400_000)]
)
def test_chinese_recipes_keep_two_families_for_the_test_and_their_head_is_small(
    name: str, least_classes: int, most_parameters: int
) -> None:
    recipe = load_recipe(name)
    rendered = [[s for s in part if isinstance(s, RenderedSource)] for part in (recipe.data.train, recipe.data.test)]
    seen, tested = ({family for source in part for family in source.fonts} for part in rendered)
    assert len(tested - seen) >= 2
    assert not tested & seen
    named = characters_of_sets(recipe.data.charset.named)
    assert len(named) + 1 >= least_classes or rendered[0][0].text.hanzi.most_frequent >= least_classes  # type: ignore[union-attr]
    network = recipe.student.model.build(least_classes + 200, recipe.image.channels, recipe.image.height_px)
    assert n_parameters(network) <= most_parameters


@pytest.mark.parametrize(
    "override",
    [
        "data.cut={share: 0.1, document: '('}",
        "data.charset.characters=aa",
        "teacher.sources=[nowhere]",
        "student.training.clip_norm=.inf",
        "data.train.0.look.blur_probability=.nan",
        "student.stages=[{name: .., training: {steps: 9}}]",
        "student.stages=[{name: -x, training: {steps: 9}}]",
    ],
)
def test_values_that_only_fail_later_are_refused_at_once(override: str) -> None:
    assert override.split("=")[0] in problems(override)


@pytest.mark.parametrize(
    ("override", "rule"),
    [
        ("name=a/b", "a name that a folder gets begins with a letter, a digit or '_'"),
        ("student.stages=[{name: a/b, training: {steps: 9}}]", "a name that a folder gets begins with a letter"),
        ("data.train.0.name=a b", "is made of letters, digits, '.', '_' and '-'; write a_b, for example (got 'a b')"),
        ("data.test=[{kind: hub, name: own, path: hf://nope}]", "an address on the hub is hf://user/name"),
        ("data.train.0.name=", "write data, for example"),
        ("student.stages=[{name: 7, training: {steps: 9}}]", "should be a valid string"),
    ],
)
def test_names_that_will_not_do_are_told_in_plain_words(override: str, rule: str) -> None:
    message = problems(override)
    assert rule in message
    assert "match pattern" not in message


def test_two_stages_of_a_network_have_two_folders() -> None:
    stages = "[{name: a, training: {steps: 9}}, {name: b, training: {steps: 9}}, {name: a, training: {steps: 9}}]"
    assert "stages need distinct names, as each has a folder; used twice: a" in problems(f"student.stages={stages}")


def test_control_and_student_may_not_stop_early() -> None:
    assert "control and student take equal steps" in problems("student.training.patience=2")
    assert load_recipe("smoke", ["teacher.training.patience=2"]).teacher.training.patience == 2


def test_flips_are_refused_with_the_reason_unless_forced() -> None:
    assert "force_flips" in problems("teacher.training.augment={flip_horizontal: 0.5}")
    load_recipe("smoke", ["teacher.training.augment={flip_horizontal: 0.5, force_flips: true}"])


def test_a_resolved_recipe_is_a_recipe_again(tmp_path: Path) -> None:
    from distill.recipe.file import resolved_yaml

    recipe = load_recipe("quick")
    again = load_recipe(write(tmp_path, resolved_yaml(recipe)))
    assert digest_of(again) == digest_of(recipe)


def test_a_finished_teacher_is_not_trained_whatever_its_recipe_says_of_training() -> None:
    asked = load_recipe("receipts-more", ["teacher.file=there"]).teacher
    assert (asked.init, asked.stages, asked.sources, asked.mix) == (None, (), None, None)
    assert load_recipe("receipts-more", ["teacher.file=null"]).teacher.init is not None
