import { CERTIFICATE_GUIDS, writeCertificateTable } from '../../certificate-table.ts';
import type { SevSnpReportInput } from '../../sev-snp-emulator.ts';
import type { SyntheticPlatforms } from '../../synthetic-router.ts';

/** What a driver answers to one request. */
export interface TsmBlobs {
  readonly outblob: Uint8Array;
  /** Null where the driver has no such attribute. */
  readonly auxblob: Uint8Array | null;
}

/** A guest, as the kernel's TSM report interface shows it. */
export interface TsmProfile {
  readonly provider: string;
  /** Null where the driver has no such attributes. */
  readonly privlevelFloor: number | null;
  readonly hasAuxblob: boolean;
  /** The firmware call. */
  report(reportData: Uint8Array, privlevel: number): Promise<TsmBlobs>;
}

/** The certificates that a host gives along with a report; all of them unless told. */
export type HostCertificates = 'all' | 'none';

/** A guest of SEV-SNP. */
export function sevGuestProfile(
  { sevSnp }: SyntheticPlatforms,
  hostCertificates: HostCertificates = 'all',
  input: SevSnpReportInput = {},
): TsmProfile {
  return {
    provider: 'sev_guest',
    privlevelFloor: 0,
    hasAuxblob: true,
    async report(reportData, privlevel) {
      const evidence = await sevSnp.attest(reportData, { vmpl: privlevel, ...input });
      const auxblob = writeCertificateTable([
        [CERTIFICATE_GUIDS[input.signer ?? 'vcek'], evidence.leaf],
        [CERTIFICATE_GUIDS.ask, evidence.ask ?? new Uint8Array()],
        [CERTIFICATE_GUIDS.ark, evidence.ark ?? new Uint8Array()],
      ]);
      return { outblob: evidence.report, auxblob: hostCertificates === 'all' ? auxblob : new Uint8Array() };
    },
  };
}

/** A guest of SEV-SNP under a secure VM service module, which keeps the levels below 2 to itself. */
export function svsmProfile(platforms: SyntheticPlatforms): TsmProfile {
  return { ...sevGuestProfile(platforms), privlevelFloor: 2 };
}

/** A trust domain of TDX, whose driver pads its quotes to 8,000 bytes as some hosts do. */
export function tdxGuestProfile({ tdx }: SyntheticPlatforms): TsmProfile {
  return {
    provider: 'tdx_guest',
    privlevelFloor: null,
    hasAuxblob: false,
    async report(reportData) {
      const { quote } = await tdx.attest(reportData);
      const outblob = new Uint8Array(Math.max(8_000, quote.length));
      outblob.set(quote);
      return { outblob, auxblob: null };
    },
  };
}
