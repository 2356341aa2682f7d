"""Stop tokens: how many layers a picture has, decided by the model.

Token k = 1..K reads a stop logit; with ``s_k = sigmoid(logit_k)`` the layer count N has
``P(N = k) = s_k * prod_(j<k) (1 - s_j)``, a discrete-time hazard model. The last token always stops, so the
probabilities sum to one. Counts include the background.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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
