export { RECEIPT_HEADER, type Receipt } from './receipt.ts';
export { encodeReceiptComment, type ReceiptedStream, splitReceiptComment } from './receipt-comment.ts';
export { MAX_RECEIPT_CHARACTERS, type ReceiptedBodies, signReceipt, verifyReceipt } from './signed-receipt.ts';
