"""Linear filter of a D-LinOSS layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class OscillatorBank:
    r"""Parameters of one D-LinOSS layer, and its transfer function.

    The layer filters tokens with P damped oscillators,

    .. math:: H(z) = C\,\mathrm{diag}(h_p(z))\,B + \mathrm{diag}(D), \qquad
        h_p(z) = \frac{g_p}{1 - (1 + \rho_p - \alpha_p) z^{-1} + \rho_p z^{-2}},

    in the IMEX form of [1]_, with :math:`\rho = 1/(1 + G)` and :math:`\alpha = A \rho`, where
    A is the squared frequency and G the damping for a step of one token. Oscillators that run
    from the last token to the first have :math:`h_p(z^{-1})`.

    Parameters
    ----------
    alpha, rho, gain : ndarray of shape (d_state,)
        :math:`\alpha`, :math:`\rho` and g of each oscillator.
    radius, angle : ndarray of shape (d_state,)
        Slowest pole of each oscillator, r exp(+-i angle).
    B : ndarray of shape (d_state, d_model)
        Input matrix.
    C : ndarray of shape (d_model, d_state)
        Output matrix.
    D : ndarray of shape (d_model,)
        Direct term, from input to output.
    n_forward : int
        The first `n_forward` oscillators run from the first token to the last, the others from
        the last to the first.

    See Also
    --------
    FilterDisplay : Plots the filters of a network.

    References
    ----------
    .. [1] Boyer, Rusch & Rus, arXiv:2505.12171 (2025).

    Examples
    --------
    An exponential moving average of a single channel, with gain 1 at frequency 0:

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
        """Angular frequency sqrt(A) of each oscillator, in radians per token."""
        return np.sqrt(self.alpha / self.rho)

    @property
    def damping(self) -> NDArray[Any]:
        """Damping G of each oscillator, per token."""
        return (1 - self.rho) / self.rho

    @cached_property
    def backward(self) -> NDArray[Any]:
        """Whether each oscillator runs from the last token to the first, (d_state,) bool."""
        return np.arange(len(self.rho)) >= self.n_forward

    def oscillators(self, cycles: ArrayLike) -> NDArray[Any]:
        """Return h_p at frequencies in cycles per token, (n_frequencies, d_state) complex."""
        direction = np.where(self.backward, -1, 1)
        angle = 2 * np.pi * np.multiply.outer(np.asarray(cycles, float), direction)
        delay = np.exp(-1j * angle)  # z^-1, or z for the backward direction
        return self.gain / (1 - (1 + self.rho - self.alpha) * delay + self.rho * delay**2)

    def transfer_function(self, cycles: ArrayLike) -> NDArray[Any]:
        """Return H at frequencies in cycles per token, (n_frequencies, d_model, d_model)."""
        h = self.oscillators(cycles)
        return (self.C * h[:, None]) @ self.B + np.diag(self.D)

    def oscillator_gain(self, cycles: ArrayLike) -> NDArray[Any]:
        r"""Return :math:`|h_p|\,|c_p|\,|b_p| / \sqrt{d}`, (n_frequencies, d_state).

        It is the gain of the layer with one oscillator and without D.
        """
        size = np.linalg.norm(self.C, axis=0) * np.linalg.norm(self.B, axis=1)
        return np.abs(self.oscillators(cycles)) * size / np.sqrt(len(self.D))

    def filter_gain(self, cycles: ArrayLike, *, direct: bool = True) -> NDArray[Any]:
        r"""Return the gain :math:`\|H\|_F / \sqrt{d}` of the layer, (n_frequencies,).

        This root mean square of the singular values of H is the gain of a wave, averaged over d
        uncorrelated channels. With ``direct=False``, H without D.
        """
        h, D = self.oscillators(cycles), self.D * direct
        # |C diag(h) B + D|^2 without a d x d matrix for each frequency.
        gram = (self.C.T @ self.C) * (self.B @ self.B.T)  # (P, P)
        through = np.einsum("fp,pq,fq->f", h.conj(), gram, h, optimize=True).real
        mixed = 2 * (h @ np.einsum("dp,d,pd->p", self.C, D, self.B)).real
        return np.sqrt(np.maximum(through + mixed + np.sum(D**2), 0) / len(D))
