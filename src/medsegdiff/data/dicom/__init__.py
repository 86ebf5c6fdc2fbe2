"""What DICOM objects say: their frames, where these lie in the patient, and their pixels."""
