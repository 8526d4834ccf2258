import type { Analyzer } from "../analyzer.ts";
import { message } from "../message.ts";

export const serviceEntryAddresses: Analyzer = {
  name: "serviceentry.ProtocolAddressesAnalyzer",
  description: "ServiceEntries for plain TCP say their addresses, by which alone connections can be told apart",
  needs: "config",
  analyze: ({ serviceEntries, dnsCapture, dnsAutoAllocate }) =>
    serviceEntries.flatMap((entry) => {
      const { addresses: allocated = [] } = (entry.status ?? {}) as { readonly addresses?: readonly unknown[] };
      if (entry.spec?.addresses?.length || (dnsCapture && (dnsAutoAllocate || allocated.length > 0))) return [];
      return (entry.spec?.ports ?? []).flatMap(({ number, protocol = "" }, index) => {
        if (protocol !== "" && protocol.toUpperCase() !== "TCP") return [];
        const text = `port ${number} is plain TCP, so spec.addresses must be set (or the port's protocol, if it has one)`;
        return [message("ServiceEntryAddressesRequired", entry, `spec.ports[${index}]`, text)];
      });
    }),
};
