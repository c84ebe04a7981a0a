-- What a rebooking keeps until its events are written.

comment on column public.candidates.replan is
  'What the next plan is to be like: excluded (people or times that will not do), rounds (those that may move; null: any), thaw, preview (a plan that was shown and is wanted as it was), reason. Null for a plain first plan.'
  ' While a new plan is being booked instead: what it moves and why, restored (an event that is being moved back), and undo (the wish and the interviews as they were before, for unreserve).';
