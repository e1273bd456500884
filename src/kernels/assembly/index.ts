// What the module exports; src/kernels/kernels.ts has the same list as TypeScript types.

export {
  allocatedBytes, appendedSamples, chunkBytes, chunkCount, fixedBytes, hashSecretAddress, headMaxTime, headMinTime, initialize, listedCount, maxPair, maxRef,
  nameCount, pairCount, powersOfTenAddress, raiseMaxTime, raiseNextRef, readerSlotCount, retiredBytes, samplesInMemory, seriesCount,
  setOutOfOrderWindow, symbolCount,
} from './control'
export { minPinnedEpoch, pinEpoch, unpinEpoch } from './epochs'
export { alloc, bytesLeft, free, giveSpan, memoryPages, scratch, takeSpan } from './memory'
export { reclaim } from './reclaim'
export { hash128 } from './hash'
export { findName, findPair, findSymbol, nameSymbol, nameValues, pairName, pairPostings, pairValue, symbolBlob } from './labelIndex'
export { restorePage } from './restoreSeries'
export { findOrCreate } from './series'
export { normalizeLabels, parseLabelBytes, seriesLabelBytes } from './seriesLabels'
export { hasHistograms, hasSeries, histogramSeries, nextSeries, seriesRecord, useSeries } from './seriesRecord'
export {
  acceptAll, appendBatch, clearBatch, discardOutOfOrder, forgetOutcomes, freeBatch, markZeros, newBatch, stageSample, stageStale, takesZeroAt, unstageFrom,
  validateBatch, zeroCount,
} from './batch'
export { reserveDraft, stageDraft } from './histogramDraft'
export { stageMessages } from './histogramMessage'
export { forgetOwner } from './histogramOwners'
export { decodeHistograms, histogramWorkBytes } from './histogramSection'
export { openArena } from './histogramArena'
export { noteLastStart, noteStartsOf, stageStarts } from './startTimes'
export { encodeRecord, gatherRecord, freeRecord } from './record'
export { decodeRecord } from './readRecord'
export { addCandidates, forgetStep, forgottenCount, freeForget, newForget } from './forget'
export { countEnded, countEndedOf, countRefusal, refusals, setEnded, setEndedOfJob, setSeriesLimits } from './limits'
export { packEntries, restoreChunks } from './checkpoint'
export { dropEntries, flushStep, freeFlush, newFlush, unlistEntries } from './flush'
export { addInOrder, addOutOfOrder, beginRead, firstTime, lastTime } from './read'
export { freeWrite, newWrite, writeStep } from './remoteWrite'
export {
  compact, freeParse, freeScrapeCache, keepInput, keptCount, liveRefs, markGone, newParse, newScrapeCache, parseStep, resolveMiss, setHardValue, settleRefs,
} from './exposition'
export { parseNumber } from './number'
export { snappyDecode, snappyLength, snappyStart } from './snappy'
export { chunkSampleCount, decodeChunk, decodeTimes, encodeChunk, encodeHistogramChunk, encodeTimesWithin, timesRoom } from './codec'
export { decodeValues } from './values'
export { countFlags, firstStale, takeNewest, windowsOver } from './windows'
export { extrapolate, extrapolationBytes, lastTwo, prepareExtrapolation } from './extrapolate'
export { addColumn, finishMeans, finishSums, finishVariances, mergeCounts, mergeMeans, mergeSums, mergeVariances } from './accumulate'
export { extremeWindows, sumWindows } from './overTime'
export { clearHeaps, heapBytes, heapIndexes, heapSize, offerColumn } from './topk'
export { combineColumns } from './combine'
export { printPoints, printStepTexts, printValue } from './print'
export { evaluatePart } from './part'
export { addStored } from './stored'
