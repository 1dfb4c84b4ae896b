"""The linear filter inside a D-LinOSS layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class OscillatorBank:
    r"""Numbers of one D-LinOSS layer, and its transfer function.

    The layer filters tokens by P damped oscillators between two matrices,

    .. math:: H(z) = C\,\mathrm{diag}(h_p(z))\,B + \mathrm{diag}(D), \qquad
        h_p(z) = \frac{g_p}{1 - (1 + \rho_p - \alpha_p) z^{-1} + \rho_p z^{-2}},

    the IMEX form of [1]_, with :math:`\rho = 1/(1 + G)` and :math:`\alpha = A \rho` of the
    frequency A and the damping G in units of one token's step. Oscillators that run from the
    last token to the first have :math:`h_p(z^{-1})`.

    Parameters
    ----------
    alpha, rho, gain : ndarray of shape (d_state,)
        :math:`\alpha`, :math:`\rho` and g of every oscillator.
    radius, angle : ndarray of shape (d_state,)
        Its slowest pole, r exp(+-i angle).
    B : ndarray of shape (d_state, d_model)
        What drives every oscillator.
    C : ndarray of shape (d_model, d_state)
        What its position adds to the output.
    D : ndarray of shape (d_model,)
        What passes by the oscillators.
    n_forward : int
        The first `n_forward` oscillators run from the first token to the last, the others back.

    See Also
    --------
    FilterDisplay : Draws the filters of a network.

    References
    ----------
    .. [1] Boyer, Rusch & Rus, arXiv:2505.12171 (2025).

    Examples
    --------
    A leaky mean of the past, one channel wide: it passes what is constant.

    >>> import numpy as np
    >>> from skspektron.inspection import OscillatorBank
    >>> one, half = np.ones(1), np.full(1, 0.5)
    >>> bank = OscillatorBank(
    ...     half, 0 * one, half, half, 0 * one, one[None], one[None], 0 * one, n_forward=1)
    >>> abs(bank.transfer_function([0, 0.5])[:, 0, 0]).round(3)
    array([1.   , 0.333])
    """

    alpha: NDArray[Any]
    rho: NDArray[Any]
    gain: NDArray[Any]
    radius: NDArray[Any]
    angle: NDArray[Any]
    B: NDArray[Any]
    C: NDArray[Any]
    D: NDArray[Any]
    n_forward: int

    @property
    def frequency(self) -> NDArray[Any]:
        """Angular frequency sqrt(A) of every oscillator, a token's step being 1."""
        return np.sqrt(self.alpha / self.rho)

    @property
    def damping(self) -> NDArray[Any]:
        """Damping G of every oscillator, a token's step being 1."""
        return (1 - self.rho) / self.rho

    @cached_property
    def backward(self) -> NDArray[Any]:
        """Which oscillators run from the last token to the first, (d_state,) bool."""
        return np.arange(len(self.rho)) >= self.n_forward

    def oscillators(self, cycles: ArrayLike) -> NDArray[Any]:
        """Return h_p at frequencies in cycles per token, (n_frequencies, d_state) complex."""
        direction = np.where(self.backward, -1, 1)
        delay = np.exp(
            -2j * np.pi * np.multiply.outer(np.asarray(cycles, float), direction)
        )  # z^-1, or z backward
        return self.gain / (1 - (1 + self.rho - self.alpha) * delay + self.rho * delay**2)

    def transfer_function(self, cycles: ArrayLike) -> NDArray[Any]:
        """Return H at frequencies in cycles per token, (n_frequencies, d_model, d_model)."""
        h = self.oscillators(cycles)
        return (self.C * h[:, None]) @ self.B + np.diag(self.D)

    def oscillator_gain(self, cycles: ArrayLike) -> NDArray[Any]:
        r"""Return :math:`|h_p|\,|c_p|\,|b_p| / \sqrt{d}`, (n_frequencies, d_state).

        The gain that the layer would have with one oscillator and without D.
        """
        size = np.linalg.norm(self.C, axis=0) * np.linalg.norm(self.B, axis=1)
        return np.abs(self.oscillators(cycles)) * size / np.sqrt(len(self.D))

    def filter_gain(self, cycles: ArrayLike, *, direct: bool = True) -> NDArray[Any]:
        r"""Return the gain :math:`\|H\|_F / \sqrt{d}` of the layer, (n_frequencies,).

        By how much the layer amplifies a wave in the mean over d uncorrelated channels: the root
        mean square of H's singular values. With ``direct=False``, of H without D.
        """
        h, D = self.oscillators(cycles), self.D * direct
        # |C diag(h) B + D|^2 without the d x d matrices of every frequency.
        gram = (self.C.T @ self.C) * (self.B @ self.B.T)  # (P, P)
        through = np.einsum("fp,pq,fq->f", h.conj(), gram, h, optimize=True).real
        mixed = 2 * (h @ np.einsum("dp,d,pd->p", self.C, D, self.B)).real
        return np.sqrt(np.maximum(through + mixed + np.sum(D**2), 0) / len(D))
