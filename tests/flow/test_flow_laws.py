"""Laws of the flow: inverses, fixed points, exact integration of straight paths; agreement with diffusers."""

from __future__ import annotations

import math

import pytest
import torch

from layerize.flow import guidance, path, schedule, solver


@pytest.mark.parametrize("shift", [0.3, 1.0, 3.0, 12.0])
def test_shifting_keeps_ends_and_order_and_has_an_inverse(shift: float) -> None:
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    shifted = schedule.shift_time(t, shift)
    assert shifted[[0, -1]].tolist() == pytest.approx([0.0, 1.0], abs=1e-15)
    assert (shifted.diff() > 0).all()
    assert torch.allclose(schedule.shift_time(shifted, 1 / shift), t, atol=1e-12)


def test_solver_times_fall_from_one_to_zero() -> None:
    times = schedule.solver_times(7, shift=12.0)
    assert times.shape == (8,)
    assert (times[0], times[-1]) == (1, 0)
    assert (times.diff() < 0).all()
    with pytest.raises(ValueError, match="at least 1, got 0"):
        schedule.solver_times(0)


@pytest.mark.parametrize(
    "options",
    [
        {"shift": 3.0},
        {"use_dynamic_shifting": True},
        {"use_dynamic_shifting": True, "time_shift_type": "linear"},
        {"use_dynamic_shifting": True, "shift_terminal": 0.02},
    ],
    ids=["constant", "exponential", "linear", "terminal"],
)
@pytest.mark.parametrize("steps", [2, 9, 50])
def test_times_are_those_of_the_published_scheduler(options: dict[str, object], steps: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    mu = schedule.layered_mu(40 * 40)
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(**options)
    theirs.set_timesteps(sigmas=torch.linspace(1, 0, steps + 1)[:-1].numpy(), mu=mu)
    shift = float(options.get("shift", 1.0))  # type: ignore[arg-type]
    if options.get("use_dynamic_shifting"):
        shift = mu if options.get("time_shift_type") == "linear" else math.exp(mu)
    ours = schedule.solver_times(steps, shift, options.get("shift_terminal"))  # type: ignore[arg-type]
    assert (ours - theirs.sigmas).abs().max() < 1e-6


def test_path_conversions_are_inverses() -> None:
    torch.manual_seed(0)
    x_0, noise = torch.randn(2, 5, 3, 4), torch.randn(2, 5, 3, 4)
    t = torch.tensor([0.2, 0.9])
    x_t, v = path.add_noise(x_0, noise, t), path.velocity(x_0, noise)
    assert torch.allclose(path.x_0_from_velocity(x_t, v, t), x_0, atol=1e-5)
    assert torch.allclose(path.noise_from_velocity(x_t, v, t), noise, atol=1e-5)
    assert torch.allclose(path.velocity_from_x_0(x_t, x_0, t), v, atol=1e-5)
    assert torch.equal(path.add_noise(x_0, noise, torch.tensor(0.0)), x_0)
    assert torch.equal(path.add_noise(x_0, noise, torch.tensor(1.0)), noise)


def test_velocity_from_x_0_stays_finite_at_time_zero() -> None:
    x = torch.ones(1, 3)
    assert torch.isfinite(path.velocity_from_x_0(x, x, torch.zeros(1))).all()


@pytest.mark.parametrize("steps", [1, 4, 13])
def test_euler_is_exact_on_straight_paths_and_reports_progress(steps: int) -> None:
    torch.manual_seed(0)
    x_0, noise = torch.randn(2, 6, dtype=torch.float64), torch.randn(2, 6, dtype=torch.float64)
    seen: list[tuple[int, int]] = []
    times = schedule.solver_times(steps, shift=5.0).double()
    found = solver.euler(
        lambda _x, _t: path.velocity(x_0, noise), noise, times, lambda done, total: seen.append((done, total))
    )
    assert torch.allclose(found, x_0, atol=1e-12)
    assert seen == [(i + 1, steps) for i in range(steps)]


def test_euler_halves_its_error_with_twice_the_steps_on_a_curved_path() -> None:
    start = torch.ones(1, dtype=torch.float64)
    exact = math.exp(-1.0)  # dx/dt = x from t = 1 to 0

    def error(steps: int) -> float:
        times = schedule.solver_times(steps).double()
        return abs(solver.euler(lambda x, _t: x, start, times).item() - exact)

    assert error(64) / error(128) == pytest.approx(2.0, rel=0.05)


def test_guidance_is_linear_and_can_keep_the_norm() -> None:
    torch.manual_seed(0)
    conditional, unconditional = torch.randn(2, 7, 16), torch.randn(2, 7, 16)
    assert torch.allclose(guidance.guide(conditional, unconditional, 1.0), conditional, atol=1e-6)
    assert torch.equal(guidance.guide(conditional, unconditional, 0.0), unconditional)
    plain = guidance.guide(conditional, unconditional, 4.0)
    kept = guidance.guide(conditional, unconditional, 4.0, keep_norm=True)
    assert torch.allclose(kept.norm(dim=-1), conditional.norm(dim=-1), rtol=1e-5)
    cosine = torch.cosine_similarity(kept, plain, dim=-1)
    assert torch.allclose(cosine, torch.ones_like(cosine), atol=1e-5)
    assert torch.isfinite(guidance.guide(conditional * 0, unconditional * 0, 4.0, keep_norm=True)).all()
