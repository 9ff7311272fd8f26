import type { WitnessOverview, WitnessStanding } from '../domain/witness.js';

export function logWitnessesView({ witnesses, ...policy }: WitnessOverview) {
  return { ...policy, witnesses: witnesses.map(openView) };
}

export function systemWitnessesView({ witnesses, ...policy }: WitnessOverview) {
  return {
    ...policy,
    witnesses: witnesses.map((witness) => ({
      ...openView(witness),
      url: witness.url,
      state: witness.state,
      failure: witness.failure,
      failedAt: witness.failedAt?.toISOString() ?? null,
    })),
  };
}

function openView({ name, vkey, cosignedSize, cosignedAt }: WitnessStanding) {
  return { name, vkey, cosignedSize, cosignedAt: cosignedAt?.toISOString() ?? null };
}
