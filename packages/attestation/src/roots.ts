/** Processor families of SEV-SNP. */
export type SevProduct = 'Milan' | 'Genoa' | 'Turin';

/** The vendors' root certificates, each as SHA-256 of its DER in lower-case hexadecimal. */
export interface TrustRoots {
  /** AMD Root Keys, one a processor family. */
  readonly amd: Readonly<Record<SevProduct, string>>;
  readonly intelSgx: string;
  readonly awsNitro: string;
}

/** The roots that evidence is verified against; the certificates themselves come with the evidence. */
export const PINNED_ROOTS: TrustRoots = {
  amd: {
    Milan: '69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd', // ARK-Milan, kdsintf.amd.com
    Genoa: '4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1', // ARK-Genoa
    Turin: '1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a', // ARK-Turin
  },
  intelSgx: '44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3', // Intel SGX Root CA
  awsNitro: '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b', // aws.nitro-enclaves, G1
};
