"""Stop tokens: how many layers a picture has, decided by the model.

Token k = 1..K reads a stop logit; with ``s_k = sigmoid(logit_k)`` the layer count N has
``P(N = k) = s_k * prod_(j<k) (1 - s_j)``, a discrete-time hazard model. The last token always stops, so the
probabilities sum to one. Counts include the background.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

TOO_MANY, TOO_FEW = 2.0, 1.0
"""What each layer too many, and each one too few, costs: a torn object is worse than two in one layer."""
DOUBT = 25.0
"""What it costs when all pixels are left without an owner. The three were chosen on LayerD's measure (docs/log.md)."""
LEAST_PROBABILITY = 0.02
"""Counts above the highest one that is this likely are not considered."""


def count_log_probabilities(stop_logits_BK: Tensor) -> Tensor:
    """Log of P(N = k) for k = 1..K, shape (B, K)."""
    logits = stop_logits_BK.float()
    go_on = F.logsigmoid(-logits[:, :-1]).cumsum(dim=1)
    go_on = torch.cat([torch.zeros_like(go_on[:, :1]), go_on], dim=1)
    stop = torch.cat([F.logsigmoid(logits[:, :-1]), torch.zeros_like(logits[:, -1:])], dim=1)
    return go_on + stop


def most_likely_count(stop_logits_BK: Tensor, minimum: int = 1) -> Tensor:
    """The most probable layer count >= ``minimum``, int64 of shape (B,)."""
    log_p = count_log_probabilities(stop_logits_BK)
    return log_p[:, minimum - 1 :].argmax(dim=1) + minimum


def stop_loss(stop_logits_BK: Tensor, count_B: Tensor) -> Tensor:
    """Cross-entropy of the true counts (1..K) under the stop tokens' distribution, in nats."""
    return F.nll_loss(count_log_probabilities(stop_logits_BK), count_B.long() - 1)


def candidate_counts(probabilities_K: Sequence[float]) -> range:
    """The layer counts worth decoding: 1 where that is the likeliest, else 2 to the highest one that is likely at all.

    Args:
        probabilities_K: P(N = 1), P(N = 2), ...
    """
    likeliest = max(range(len(probabilities_K)), key=probabilities_K.__getitem__) + 1
    if likeliest == 1:
        return range(1, 2)
    return range(2, max(k for k, p in enumerate(probabilities_K, 1) if p >= LEAST_PROBABILITY or k == likeliest) + 1)


def least_cost_count(probabilities_K: Sequence[float], doubts: Mapping[int, float]) -> int:
    """The count with the least expected cost, by what the stop tokens say and by how decided its layers come out.

    The stop tokens alone are blind to what the layers look like: on pictures unlike the training data they ask for more
    layers than the model can keep apart, and objects are torn.

    Args:
        probabilities_K: P(N = 1), P(N = 2), ...
        doubts: For each candidate, the mean over the pixels of one minus the largest visible weight, 0..1.
    """

    def cost(count: int) -> float:
        expected = sum(
            p * (TOO_MANY * max(count - n, 0) + TOO_FEW * max(n - count, 0)) for n, p in enumerate(probabilities_K, 1)
        )
        return expected + DOUBT * doubts[count]

    return min(doubts, key=cost)
