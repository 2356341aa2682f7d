"""Stop tokens: the counts' probabilities follow the paper's product and sum to one."""

from __future__ import annotations

import torch

from layerize.models.stop import count_log_probabilities, most_likely_count, stop_loss


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
