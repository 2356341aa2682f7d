"""Stop tokens: the counts' probabilities follow the paper's product and sum to one."""

from __future__ import annotations

import torch

from layerize.models.stop import (
    candidate_counts,
    count_log_probabilities,
    least_cost_count,
    most_likely_count,
    stop_loss,
)


def test_probabilities_follow_the_product() -> None:
    logits = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    p = count_log_probabilities(logits).exp()
    s = logits.sigmoid()
    torch.testing.assert_close(p.sum(dim=1), torch.ones(4))
    torch.testing.assert_close(p[:, 2], s[:, 2] * (1 - s[:, 0]) * (1 - s[:, 1]))


def test_most_likely_count_and_loss_agree() -> None:
    logits = torch.tensor([[-5.0, -5.0, 5.0, 0.0], [5.0, 0.0, 0.0, 0.0]])
    assert most_likely_count(logits).tolist() == [3, 1]
    assert most_likely_count(logits, minimum=2).tolist()[1] >= 2
    assert stop_loss(logits, torch.tensor([3, 1])) < stop_loss(logits, torch.tensor([2, 4]))


def test_descent_finds_the_true_distribution() -> None:
    logits = torch.zeros(1, 5, requires_grad=True)
    counts = torch.tensor([2, 2, 2, 4])
    optimiser = torch.optim.Adam([logits], lr=0.2)
    for _ in range(200):
        optimiser.zero_grad()
        stop_loss(logits.expand(4, -1), counts).backward()
        optimiser.step()
    p = count_log_probabilities(logits.detach())[0].exp()
    torch.testing.assert_close(p[1], torch.tensor(0.75), atol=0.02, rtol=0)
    torch.testing.assert_close(p[3], torch.tensor(0.25), atol=0.02, rtol=0)


def test_candidates_reach_from_two_to_the_highest_likely_count() -> None:
    assert list(candidate_counts([0.0, 0.1, 0.6, 0.295, 0.005])) == [2, 3, 4]
    assert list(candidate_counts([0.9, 0.1])) == [1]  # one layer only where that is the likeliest
    assert list(candidate_counts([0.01] * 3 + [0.97])) == [2, 3, 4]


def test_a_sure_count_of_decided_layers_is_kept_and_doubt_asks_for_fewer() -> None:
    sure = [0.0, 0.0, 0.0, 1.0]
    assert least_cost_count(sure, {2: 0.01, 3: 0.01, 4: 0.01}) == 4
    assert least_cost_count(sure, {2: 0.01, 3: 0.09, 4: 0.20}) == 2  # the picture is torn at four
    assert least_cost_count([0.0, 0.5, 0.5], {2: 0.05, 3: 0.05}) == 2  # one too many is worse than one too few
