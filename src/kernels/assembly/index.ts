// What the module exports; src/kernels/kernels.ts has the same list as TypeScript types.

export {
  allocatedBytes, appendedSamples, chunkBytes, chunkCount, fixedBytes, hashSecretAddress, headMaxTime, headMinTime, initialize, listedCount, maxPair, maxRef,
  nameCount, pairCount, powersOfTenAddress, raiseMaxTime, raiseNextRef, readerSlotCount, retiredBytes, samplesInMemory, seriesCount,
  setOutOfOrderWindow, symbolCount,
} from './base/control'
export { minPinnedEpoch, pinEpoch, unpinEpoch } from './base/epochs'
export { alloc, bytesLeft, free, giveSpan, memoryPages, scratch, takeSpan } from './base/memory'
export { reclaim } from './series/reclaim'
export { hash128 } from './base/hash'
export { findName, findPair, findSymbol, nameSymbol, nameValues, pairName, pairPostings, pairValue, symbolBlob } from './series/labelIndex'
export { restorePage } from './series/restoreSeries'
export { findOrCreate } from './series/series'
export { normalizeLabels, parseLabelBytes, seriesLabelBytes } from './series/seriesLabels'
export { hasHistograms, hasSeries, histogramSeries, nextSeries, seriesRecord, useSeries } from './samples/seriesRecord'
export {
  acceptAll, appendBatch, clearBatch, discardOutOfOrder, forgetOutcomes, freeBatch, markZeros, newBatch, stageSample, stageStale, takesZeroAt, unstageFrom,
  validateBatch, zeroCount,
} from './batch/batch'
export { reserveDraft, stageDraft } from './batch/histogramDraft'
export { stageMessages } from './ingest/histogramMessage'
export { forgetOwner } from './samples/histogramOwners'
export { decodeHistograms, histogramWorkBytes } from './codec/histogramSection'
export { openArena } from './codec/histogramArena'
export { noteLastStart, noteStartsOf, stageStarts } from './batch/startTimes'
export { encodeRecord, gatherRecord, freeRecord } from './batch/record'
export { decodeRecord } from './batch/readRecord'
export { addCandidates, forgetStep, forgottenCount, freeForget, newForget } from './upkeep/forget'
export { countEnded, countEndedOf, countRefusal, refusals, setEnded, setEndedOfJob, setSeriesLimits } from './series/limits'
export { packEntries, restoreChunks } from './upkeep/checkpoint'
export { dropEntries, flushStep, freeFlush, newFlush, unlistEntries } from './upkeep/flush'
export { addInOrder, addOutOfOrder, beginRead, firstTime, lastTime } from './samples/read'
export { freeWrite, newWrite, writeStep } from './ingest/remoteWrite'
export {
  compact, freeParse, freeScrapeCache, keepInput, keptCount, liveRefs, markGone, newParse, newScrapeCache, parseStep, resolveMiss, setHardValue, settleRefs,
} from './ingest/exposition'
export { parseNumber } from './base/number'
export { snappyDecode, snappyLength, snappyStart } from './ingest/snappy'
export { chunkSampleCount, decodeChunk, decodeTimes, encodeChunk, encodeHistogramChunk, encodeTimesWithin, timesRoom } from './codec/codec'
export { decodeValues } from './codec/values'
export { countFlags, firstStale, takeNewest, windowsOver } from './query/windows'
export { extrapolate, extrapolationBytes, lastTwo, prepareExtrapolation } from './query/extrapolate'
export { accumulatedFlags, accumulatorBytes, addColumn, beginAccumulator, finishAccumulator, mergeAccumulators } from './query/accumulate'
export { extremeWindows, sumWindows } from './query/overTime'
export { clearHeaps, heapBytes, heapIndexes, heapSize, offerColumn } from './query/topk'
export { combineColumns } from './query/combine'
export { printPoints, printStepTexts, printValue } from './query/print'
export { evaluatePart } from './query/part'
export { runProgram } from './query/program'
export { addStored } from './query/stored'
