import type { SyntheticValidity } from './synthetic-time.ts';

/** A JSON object that a test may change before it is signed. */
export type JsonObject = { [name: string]: JsonValue };
type JsonValue = string | number | JsonObject | JsonValue[];

const ZERO_SIGNER = '0'.repeat(96);

/** TCB info of the synthetic platform, as Intel writes it. */
export function syntheticTcbInfo(validity: SyntheticValidity): JsonObject {
  const module = { mrsigner: ZERO_SIGNER, attributes: '0'.repeat(16), attributesMask: 'F'.repeat(16) };
  return {
    id: 'TDX',
    version: 3,
    ...dates(validity),
    fmspc: '50806F000000',
    pceId: '0000',
    tcbType: 0,
    tcbEvaluationDataNumber: 18,
    tdxModule: { ...module },
    tdxModuleIdentities: [
      {
        id: 'TDX_01',
        ...module,
        tcbLevels: [
          { tcb: { isvsvn: 6 }, tcbDate: '2024-11-13T00:00:00Z', tcbStatus: 'UpToDate' },
          {
            tcb: { isvsvn: 2 },
            tcbDate: '2023-08-09T00:00:00Z',
            tcbStatus: 'OutOfDate',
            advisoryIDs: ['INTEL-SA-01036'],
          },
        ],
      },
    ],
    tcbLevels: [
      level(3, 'UpToDate', '2024-11-13T00:00:00Z'),
      level(2, 'OutOfDate', '2023-08-09T00:00:00Z', ['INTEL-SA-00960']),
    ],
  };
}

function level(svn: number, tcbStatus: string, tcbDate: string, advisoryIDs: string[] = []): JsonObject {
  const components = Array.from({ length: 16 }, (_, index) => ({ svn: index < 8 ? svn : 0 }));
  const tdx = Array.from({ length: 16 }, (_, index) => ({ svn: index === 2 ? svn : 0 }));
  const tcb = { sgxtcbcomponents: components, pcesvn: 13, tdxtcbcomponents: tdx };
  return { tcb, tcbDate, tcbStatus, ...(advisoryIDs.length === 0 ? {} : { advisoryIDs }) };
}

/** Identity of the synthetic quoting enclave, as Intel writes it. */
export function syntheticQeIdentity(validity: SyntheticValidity): JsonObject {
  return {
    id: 'TD_QE',
    version: 2,
    ...dates(validity),
    tcbEvaluationDataNumber: 18,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11000000000000000000000000000000',
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: 'DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5',
    isvprodid: 2,
    tcbLevels: [{ tcb: { isvsvn: 4 }, tcbDate: '2024-11-13T00:00:00Z', tcbStatus: 'UpToDate' }],
  };
}

function dates({ notBefore, nextUpdate }: SyntheticValidity): { issueDate: string; nextUpdate: string } {
  const text = (milliseconds: number) => new Date(milliseconds).toISOString().replace('.000Z', 'Z');
  return { issueDate: text(notBefore), nextUpdate: text(nextUpdate) };
}
